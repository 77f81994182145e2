#define _GNU_SOURCE
#include "socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Handshakes under way at once; more only wait in the listener's queue. */
#define AT_ONCE 100
#define READ_SIZE (256 * 1024)
/* A stalled reader's window: so small that it is full at once. */
#define STALLED_BUFFER 2048
#define STALLED_SEGMENT 536

static struct client_socket *sockets;
static int count, opened, begun, under_way, poller;
static unsigned char buffer[MOST_KEPT + READ_SIZE];

void sockets_start(void) {
  poller = epoll_create1(0);
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  sockets = calloc(MOST_SOCKETS, sizeof *sockets);
}

void end_socket(struct client_socket *socket) {
  if (socket->state == CLOSED) return;
  if (socket->state == OPEN || socket->state == STALLED) opened -= 1;
  else under_way -= 1;
  socket->state = CLOSED;
  /* Without a linger nothing of it stays behind in TIME_WAIT. */
  const struct linger none = {1, 0};
  setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close(socket->fd);
}

static void write_all(struct client_socket *socket, const void *bytes, size_t length) {
  if (send(socket->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length) return;
  perror("send");
  end_socket(socket);
}

void send_frame(struct client_socket *socket, enum opcode opcode, const char *payload, size_t length) {
  unsigned char out[4096];
  if (frame_size(length) > sizeof out) return end_socket(socket);
  write_all(socket, out, write_frame(out, opcode, payload, length));
}

/* All sockets of a topic in turn, so that each topic is listened to on every port. */
static int port_of(int index) {
  return wire->ports[index / wire->topics % wire->port_count];
}

static void begin_socket(int index, int stalled) {
  struct client_socket *made = &sockets[index];
  const int every = stalled > 0 ? count / stalled : 0;
  *made = (struct client_socket){.topic = index % wire->topics, .stalls = every > 0 && index % every == 0};
  made->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (made->stalls) {
    const int size = STALLED_BUFFER, segment = STALLED_SEGMENT;
    setsockopt(made->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(made->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  }
  const int yes = 1;
  setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port_of(index)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  under_way += 1;
  if (made->fd < 0) {
    perror("socket");
    return end_socket(made);
  }
  if (connect(made->fd, (const struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
    perror("connect");
    return end_socket(made);
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = made};
  epoll_ctl(poller, EPOLL_CTL_ADD, made->fd, &event);
}

static void shake_hands(struct client_socket *socket) {
  char head[16384];
  const int index = (int)(socket - sockets);
  char *path = with_topic(wire->paths[index % wire->path_count], socket->topic);
  const int length = write_handshake(head, sizeof head, port_of(index), path);
  free(path);
  socket->state = SHAKING;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
  epoll_ctl(poller, EPOLL_CTL_MOD, socket->fd, &event);
  write_all(socket, head, (size_t)length);
}

static void is_open(struct client_socket *socket) {
  socket->state = socket->stalls ? STALLED : OPEN;
  opened += 1;
  under_way -= 1;
  if (socket->stalls) epoll_ctl(poller, EPOLL_CTL_DEL, socket->fd, NULL);
}

/* The answer of the handshake ends where the frames begin. */
static size_t read_answer(struct client_socket *socket, const unsigned char *bytes, size_t have) {
  const unsigned char *end = memmem(bytes, have, "\r\n\r\n", 4);
  if (!end) return 0;
  if (!memmem(bytes, have, " 101 ", 5)) {
    fprintf(stderr, "refused: %.*s\n", (int)(have < 200 ? have : 200), bytes);
    end_socket(socket);
    return have;
  }
  socket->state = GREETING;
  if (wire->hello) {
    char *hello = with_topic(wire->hello, socket->topic);
    send_frame(socket, wire->binary ? OP_BINARY : OP_TEXT, hello, strlen(hello));
    free(hello);
  }
  if (!wire->ready) is_open(socket);
  return (size_t)(end - bytes) + 4;
}

static void read_socket(struct client_socket *socket) {
  memcpy(buffer, socket->keep, socket->kept);
  const ssize_t received = recv(socket->fd, buffer + socket->kept, READ_SIZE, 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) {
    fprintf(stderr, "the server ended a connection%s\n", socket->state < OPEN ? " before it was open" : "");
    return end_socket(socket);
  }
  const uint64_t now = now_us();
  const size_t have = socket->kept + (size_t)received;
  size_t at = socket->state == SHAKING ? read_answer(socket, buffer, have) : 0;
  if (socket->state == GREETING && wire->ready && memmem(buffer + at, have - at, wire->ready, strlen(wire->ready))) {
    is_open(socket);
  }
  if (socket->state >= GREETING) at += read_frames(socket, buffer + at, have - at, now);
  if (socket->state == CLOSED) return;
  socket->kept = have - at;
  if (socket->kept > MOST_KEPT) {
    if (socket->state != SHAKING) fprintf(stderr, "a frame could not be read\n");
    return end_socket(socket);
  }
  memcpy(socket->keep, buffer + at, socket->kept);
}

void read_sockets(int ms, bool until_input) {
  const uint64_t end = now_us() + (uint64_t)ms * 1000;
  for (uint64_t now = now_us(); now <= end; now = now_us()) {
    struct epoll_event events[256];
    const int ready = epoll_wait(poller, events, 256, ms < 0 ? -1 : (int)((end - now) / 1000));
    for (int index = 0; index < ready; index += 1) {
      struct client_socket *socket = events[index].data.ptr;
      if (!socket) {
        if (until_input) ms = 0;
      } else if (socket->state == CONNECTING) {
        shake_hands(socket);
      } else if (socket->state != CLOSED && socket->state != STALLED) {
        read_socket(socket);
      }
    }
    if (ms == 0) return;
  }
}

double open_sockets(const struct wire *given, int wanted, int stalled, int within_ms) {
  close_sockets();
  wire = given;
  count = wanted;
  const uint64_t began = now_us();
  while (opened < count && now_us() - began < (uint64_t)within_ms * 1000) {
    for (; begun < count && under_way < AT_ONCE; begun += 1) begin_socket(begun, stalled);
    read_sockets(1, false);
    if (begun == count && under_way == 0) break;
  }
  return opened == count ? (double)(now_us() - began) / 1000 : -1;
}

void close_sockets(void) {
  for (int index = 0; index < begun; index += 1) end_socket(&sockets[index]);
  count = opened = begun = under_way = 0;
}

void begin_result(struct result *into) {
  result = into;
  for (int index = 0; index < count; index += 1) sockets[index].count = 0;
}

int sockets_open(void) {
  return opened;
}

int sockets_listening(int topic, int topics) {
  int listening = 0;
  for (int index = topic; index < count; index += topics) listening += !sockets[index].stalls;
  return listening;
}

void compare_counts(const uint64_t *published, int topics, uint64_t *missing, uint64_t *repeated) {
  *missing = *repeated = 0;
  for (int index = 0; index < count; index += 1) {
    const uint64_t expected = published[index % topics], had = sockets[index].count;
    if (sockets[index].stalls) continue;
    if (had < expected) *missing += expected - had;
    else *repeated += had - expected;
  }
}
