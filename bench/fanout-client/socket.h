/* One socket, for those who open and who read it. */
#ifndef SOCKET_H
#define SOCKET_H

#include "client.h"

/* Of a chunk a part of a head or of a stamp, or a whole control frame. */
#define MOST_KEPT 160

enum state { CONNECTING, SHAKING, GREETING, OPEN, STALLED, CLOSED };

struct client_socket {
  int fd;
  int topic;
  bool stalls;
  enum state state;
  uint64_t left;           /* of the frame that is being read */
  enum opcode opcode;
  uint64_t count;
  size_t kept;
  unsigned char keep[MOST_KEPT];
};

extern const struct wire *wire;
extern struct result *result;

void end_socket(struct client_socket *socket);
void send_frame(struct client_socket *socket, enum opcode opcode, const char *payload, size_t length);
/* Returns how much was read; what is left is read again with what comes next. */
size_t read_frames(struct client_socket *socket, const unsigned char *bytes, size_t have, uint64_t now);

#endif
