#define _GNU_SOURCE
#include "client.h"
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A client must mask its frames; a mask of zeros leaves the payload as it is. */
size_t write_frame(unsigned char *out, enum opcode opcode, const char *payload, size_t length) {
  size_t head = 2;
  out[0] = 0x80 | opcode;
  if (length < 126) {
    out[1] = 0x80 | (unsigned char)length;
  } else {
    out[1] = 0x80 | 126;
    out[2] = (unsigned char)(length >> 8);
    out[3] = (unsigned char)length;
    head = 4;
  }
  memset(out + head, 0, 4);
  memcpy(out + head + 4, payload, length);
  return head + 4 + length;
}

size_t frame_size(size_t length) {
  return (length < 126 ? 6 : 8) + length;
}

size_t read_head(const unsigned char *bytes, size_t have, enum opcode *opcode, uint64_t *length) {
  if (have < 2) return 0;
  size_t head = 2;
  *opcode = bytes[0] & 15;
  *length = bytes[1] & 127;
  if (*length == 126) {
    uint16_t given;
    if (have < 4) return 0;
    memcpy(&given, bytes + 2, 2);
    *length = ntohs(given);
    head = 4;
  } else if (*length == 127) {
    if (have < 10) return 0;
    memcpy(length, bytes + 2, 8);
    *length = be64toh(*length);
    head = 10;
  }
  return head;
}

/* Topics all have names of one length: `T000` and on. */
char *with_topic(const char *text, int topic) {
  const size_t room = 2 * strlen(text) + TOPIC_LENGTH;
  char *made = malloc(room);
  size_t length = 0;
  for (const char *at = text; *at; at += 1) {
    if (at[0] == '%' && at[1] == 's') {
      length += (size_t)snprintf(made + length, room - length, "T%03d", topic);
      at += 1;
    } else {
      made[length++] = *at;
    }
  }
  made[length] = 0;
  return made;
}

int write_handshake(char *out, size_t room, int port, const char *path) {
  return snprintf(out, room,
                  "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                  path, port);
}

uint64_t read_stamp(const unsigned char *at) {
  uint64_t us = 0;
  for (int digit = 1; digit <= STAMP_DIGITS; digit += 1) {
    const unsigned char value = at[digit] - 'a';
    if (value > 15) return 0;
    us = us << 4 | value;
  }
  return us;
}

void write_stamp(unsigned char *at, uint64_t us) {
  for (int digit = STAMP_DIGITS; digit >= 1; digit -= 1) {
    at[digit] = 'a' + (us & 15);
    us >>= 4;
  }
}

uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
