#define _GNU_SOURCE
#include "socket.h"
#include <stdio.h>
#include <string.h>

const struct wire *wire;
struct result *result;

static void count_message(struct client_socket *socket, uint64_t stamp, uint64_t now) {
  socket->count += 1;
  if (result) add_latency(result, now > stamp ? now - stamp : 0);
}

/* @returns how much of the chunk was read; less when a stamp is cut off */
static size_t read_payload(struct client_socket *socket, const unsigned char *bytes, size_t have, uint64_t now) {
  const size_t length = have < socket->left ? have : (size_t)socket->left;
  for (size_t at = 0; at < length;) {
    const unsigned char *mark = memchr(bytes + at, '@', length - at);
    if (!mark) break;
    at = (size_t)(mark - bytes);
    if (length - at <= STAMP_DIGITS) {
      if (length == socket->left) break;
      socket->left -= at;
      return at;
    }
    const uint64_t stamp = read_stamp(mark);
    if (stamp) count_message(socket, stamp, now);
    at += stamp ? STAMP_DIGITS + 1 : 1;
  }
  socket->left -= length;
  return length;
}

/* @returns false when the frame is not all there */
static bool read_control(struct client_socket *socket, const unsigned char *bytes, size_t have) {
  if (have < socket->left) return false;
  if (socket->opcode == OP_PING) send_frame(socket, OP_PONG, (const char *)bytes, (size_t)socket->left);
  if (socket->opcode == OP_CLOSE) {
    fprintf(stderr, "closed with %d %.*s\n", bytes[0] << 8 | bytes[1], (int)socket->left - 2, bytes + 2);
    end_socket(socket);
  }
  return true;
}

static void answer_ping(struct client_socket *socket, const unsigned char *payload, size_t length) {
  const bool is_ping = wire->ping && length == strlen(wire->ping) && memcmp(payload, wire->ping, length) == 0;
  if (is_ping) send_frame(socket, OP_TEXT, wire->pong, strlen(wire->pong));
}

/* @returns how much was read; what is left is read again with what comes next */
size_t read_frames(struct client_socket *socket, const unsigned char *bytes, size_t have, uint64_t now) {
  size_t at = 0;
  while (at < have && socket->state != CLOSED) {
    const size_t before = at;
    if (socket->left == 0) {
      const size_t head = read_head(bytes + at, have - at, &socket->opcode, &socket->left);
      if (head == 0) break;
      at += head;
      if (socket->opcode >= OP_CLOSE) {
        if (!read_control(socket, bytes + at, have - at)) {
          socket->left = 0;
          return before;
        }
        at += (size_t)socket->left;
        socket->left = 0;
        continue;
      }
      if (have - at >= socket->left) answer_ping(socket, bytes + at, (size_t)socket->left);
    }
    const size_t read = read_payload(socket, bytes + at, have - at, now);
    at += read;
    if (socket->left > 0) break;
  }
  return at;
}
