#define _GNU_SOURCE
#include "client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Messages are due one by one; those of a tick leave in one write, each in a frame of its own. */
#define TICK_NS 1000000
#define OUT_SIZE (1024 * 1024)

#define MOST_STAMPS 1000
static const char STAMP[] = "@aaaaaaaaaaaaaaaa", PUBLISHED[] = "\"type\":\"published\"";

struct expanded {
  unsigned char *frame;
  size_t length;
  int messages;
  size_t stamps[MOST_STAMPS]; /* where each `@` is */
};

static unsigned char out[OUT_SIZE];

static int connect_publisher(const struct wire *wire) {
  char head[16384], answer[16384];
  const int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)wire->ports[0]),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) return -1;
  if (!wire->publisher_path) return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -1 : fd;
  const int length = write_handshake(head, sizeof head, wire->ports[0], wire->publisher_path);
  if (send(fd, head, (size_t)length, MSG_NOSIGNAL) != length) return -1;
  if (recv(fd, answer, sizeof answer, 0) < 12 || memcmp(answer + 8, " 101", 4) != 0) return -1;
  const enum opcode opcode = wire->binary ? OP_BINARY : OP_TEXT;
  for (int index = 0; index < wire->publisher_hello_count; index += 1) {
    const char *hello = wire->publisher_hellos[index];
    const size_t size = write_frame(out, opcode, hello, strlen(hello));
    if (send(fd, out, size, MSG_NOSIGNAL) != (ssize_t)size) return -1;
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static struct expanded expand(const struct wire *wire, int topic) {
  char *text = with_topic(wire->publish, topic);
  const size_t length = strlen(text);
  struct expanded made = {.frame = malloc(length + 16), .length = length};
  if (wire->publisher_path) made.length = write_frame(made.frame, wire->binary ? OP_BINARY : OP_TEXT, text, length);
  else memcpy(made.frame, text, length);
  free(text);
  for (size_t at = 0; made.messages < MOST_STAMPS; at = made.stamps[made.messages++] + 1) {
    const unsigned char *stamp = memmem(made.frame + at, made.length - at, STAMP, strlen(STAMP));
    if (!stamp) break;
    made.stamps[made.messages] = (size_t)(stamp - made.frame);
  }
  return made;
}

static uint64_t count_in(const char *bytes, size_t length, const char *wanted) {
  uint64_t count = 0;
  const size_t size = strlen(wanted);
  for (const char *at = bytes; (at = memmem(at, length - (size_t)(at - bytes), wanted, size)); at += size) count += 1;
  return count;
}

/* Of the answers it only counts which kind they are. */
static void read_answers(struct publishing *publishing, int fd) {
  static char answers[65536];
  static size_t kept;
  if (publishing->answered == 0) kept = 0;
  for (ssize_t had; (had = recv(fd, answers + kept, sizeof answers - kept, 0)) != 0;) {
    if (had < 0) {
      if (errno != EAGAIN) publishing->failed = true;
      return;
    }
    const size_t length = kept + (size_t)had;
    publishing->errors += count_in(answers, length, "\"error\"");
    publishing->answered += count_in(answers, length, PUBLISHED);
    /* What was cut off is read again with what comes next; it is too short to be counted twice. */
    kept = length < strlen(PUBLISHED) - 1 ? length : strlen(PUBLISHED) - 1;
    memmove(answers, answers + length - kept, kept);
  }
  publishing->failed = true;
}

void *publish(void *given) {
  struct publishing *publishing = given;
  const struct wire *wire = publishing->wire;
  const int fd = connect_publisher(wire);
  publishing->failed = fd < 0;
  struct expanded *frames = calloc((size_t)wire->topics, sizeof *frames);
  for (int topic = 0; topic < wire->topics; topic += 1) frames[topic] = expand(wire, topic);
  /* What the handshake brings, and what a server does after it, is over by then. */
  struct timespec next = {.tv_nsec = 100000000};
  nanosleep(&next, NULL);
  clock_gettime(CLOCK_MONOTONIC, &next);
  const uint64_t began = now_us(), wanted = (uint64_t)(publishing->rate * publishing->seconds);
  size_t waiting = 0, written = 0;
  while (!publishing->failed && (publishing->sent < wanted || waiting > written)) {
    read_answers(publishing, fd);
    if (waiting == written) waiting = written = 0;
    const double elapsed = (double)(now_us() - began) / 1e6;
    /* A server that does not keep up may hold the publisher back, but not for ever. */
    if (elapsed > publishing->seconds + (wire->window > 0 ? 0 : 0.5)) break;
    while (waiting == 0 || written == 0) {
      if (publishing->sent >= wanted || publishing->sent >= publishing->rate * elapsed) break;
      const int topic = (int)(publishing->sent % (uint64_t)wire->topics);
      if (waiting + frames[topic].length > OUT_SIZE) break;
      if (wire->window > 0 && publishing->sent - publishing->answered >= (uint64_t)wire->window) break;
      memcpy(out + waiting, frames[topic].frame, frames[topic].length);
      const uint64_t now = now_us();
      for (int index = 0; index < frames[topic].messages; index += 1) {
        write_stamp(out + waiting + frames[topic].stamps[index], now);
      }
      waiting += frames[topic].length;
      publishing->by_topic[topic] += (uint64_t)frames[topic].messages;
      publishing->sent += 1;
    }
    if (waiting > written) {
      const ssize_t sent = send(fd, out + written, waiting - written, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) publishing->failed = true;
      if (sent > 0) written += (size_t)sent;
    }
    next.tv_nsec += TICK_NS;
    if (next.tv_nsec >= 1000000000) {
      next.tv_nsec -= 1000000000;
      next.tv_sec += 1;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  publishing->seconds_taken = (double)(now_us() - began) / 1e6;
  publishing->over = true;
  /* The connection stays until its answers have come. */
  for (int waits = 0; waits < 20 && !publishing->failed; waits += 1) {
    read_answers(publishing, fd);
    usleep(2000);
  }
  if (fd >= 0) close(fd);
  for (int topic = 0; topic < wire->topics; topic += 1) free(frames[topic].frame);
  free(frames);
  return NULL;
}
