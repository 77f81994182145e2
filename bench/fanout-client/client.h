/*
 * The client of the fan-out bench: many WebSockets (RFC 6455) in one process, cheap enough not to be the limit. It is driven by
 * lines on its input (main.c), reads frames without keeping them (sockets.c, frames.c), and publishes from a thread of its own
 * (publisher.c). Of a message it looks only for `@` and 16 letters: the microseconds at which it was published, as digits to the base of 16
 * from `a` to `p`, since a server may look twice at long decimal numbers.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_DIGITS 16
#define MOST_SOCKETS 20000
#define MOST_TOPICS 1000
#define MOST_HELLOS 1024
#define TOPIC_LENGTH 8

/* What every socket of a run has in common; texts have `%s` for the topic. */
struct wire {
  int ports[8];
  int port_count;
  char *paths[MOST_SOCKETS];
  int path_count;
  char *hello;             /* a frame that each socket sends first */
  char *ready;             /* a socket counts as open once it has read this; null: after the handshake */
  char *ping, *pong;       /* a text frame that must be answered with another */
  bool binary;
  int topics;
  char *publisher_path;    /* null: what is published is written as it is, over no WebSocket */
  char *publisher_hellos[MOST_HELLOS];
  int publisher_hello_count;
  char *publish;           /* with `@aaaaaaaaaaaaaaaa` where the stamp goes; once for each message */
  int window;              /* frames under way without an answer; 0 for any number */
};

struct result {
  uint64_t latency[64 * 64];
  uint64_t received;
  uint64_t most_us;
};

/* frames.c */
enum opcode { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
size_t write_frame(unsigned char *out, enum opcode opcode, const char *payload, size_t length);
size_t frame_size(size_t length);
/* Bytes of the head, 0 when it is not all there. */
size_t read_head(const unsigned char *bytes, size_t have, enum opcode *opcode, uint64_t *length);
char *with_topic(const char *text, int topic);
int write_handshake(char *out, size_t room, int port, const char *path);
/* The stamp that begins at `@`, 0 when there is none. */
uint64_t read_stamp(const unsigned char *at);
void write_stamp(unsigned char *at, uint64_t us);

/* latency.c */
void add_latency(struct result *result, uint64_t us);
uint64_t latency_at(const struct result *result, double share);

/* sockets.c */
void sockets_start(void);
/* The milliseconds until all were open, or to -1 after `within_ms`. */
double open_sockets(const struct wire *wire, int count, int stalled, int within_ms);
/* Reads what is there for up to `ms`; returns early when there is input. */
void read_sockets(int ms, bool until_input);
void close_sockets(void);
void begin_result(struct result *into);
int sockets_open(void);
int sockets_listening(int topic, int topics);
/* What is missing, and what came more than once, given how often each topic was published. */
void compare_counts(const uint64_t *published, int topics, uint64_t *missing, uint64_t *repeated);

/* publisher.c */
struct publishing {
  const struct wire *wire;
  double rate, seconds;
  uint64_t sent;           /* frames */
  uint64_t answered;
  uint64_t by_topic[MOST_TOPICS]; /* messages */
  uint64_t errors;         /* answers that say `error` */
  double seconds_taken;    /* until the last was sent */
  bool failed;
  volatile bool over;
};
void *publish(void *publishing);

uint64_t now_us(void);

#endif
