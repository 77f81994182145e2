#define _GNU_SOURCE
#include "client.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* After the last message was published, what is still under way may take this long. */
#define GRACE_MS 1000
#define OPEN_WITHIN_MS 30000

static struct wire wire;

/* `\r`, `\n` and `\\` stand for themselves. */
static char *text_of(const char *escaped) {
  char *made = malloc(strlen(escaped) + 1), *end = made;
  for (const char *at = escaped; *at; at += 1) {
    if (*at != '\\') {
      *end++ = *at;
      continue;
    }
    at += 1;
    *end++ = *at == 'r' ? '\r' : *at == 'n' ? '\n' : *at;
  }
  *end = 0;
  return made;
}

static void answer_open(const char *arguments) {
  int count = 0, stalled = 0;
  sscanf(arguments, "%d %d", &count, &stalled);
  const double ms = open_sockets(&wire, count, stalled, OPEN_WITHIN_MS);
  printf("{\"opened\":%d,\"ms\":%.1f}\n", sockets_open(), ms);
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void answer_run(const char *arguments) {
  static struct result result;
  struct publishing publishing = {.wire = &wire};
  pthread_t thread;
  sscanf(arguments, "%lf %lf", &publishing.rate, &publishing.seconds);
  memset(&result, 0, sizeof result);
  begin_result(&result);
  const double cpu = cpu_seconds();
  const uint64_t began = now_us();
  pthread_create(&thread, NULL, publish, &publishing);
  while (!publishing.over) read_sockets(5, false);
  uint64_t expected = 0;
  for (int topic = 0; topic < wire.topics; topic += 1) {
    expected += publishing.by_topic[topic] * (uint64_t)sockets_listening(topic, wire.topics);
  }
  const uint64_t deadline = now_us() + GRACE_MS * 1000;
  while (result.received < expected && now_us() < deadline) read_sockets(5, false);
  const double seconds = (double)(now_us() - began) / 1e6;
  pthread_join(thread, NULL);
  uint64_t missing, repeated;
  compare_counts(publishing.by_topic, wire.topics, &missing, &repeated);
  printf("{\"sent\":%lu,\"errors\":%lu,\"failed\":%s,\"expected\":%lu,\"received\":%lu,\"missing\":%lu,\"repeated\":%lu,"
         "\"p50Us\":%lu,\"p99Us\":%lu,\"maxUs\":%lu,\"open\":%d,\"clientCpu\":%.3f,\"seconds\":%.3f,\"publishedIn\":%.3f}\n",
         publishing.sent, publishing.errors, publishing.failed ? "true" : "false", expected, result.received, missing,
         repeated, latency_at(&result, 0.5), latency_at(&result, 0.99), result.most_us, sockets_open(),
         cpu_seconds() - cpu, seconds, publishing.seconds_taken);
  begin_result(NULL);
}

static void set(const char *name, const char *value) {
  char *text = text_of(value);
  if (!strcmp(name, "port") && wire.port_count < 8) wire.ports[wire.port_count++] = atoi(text);
  else if (!strcmp(name, "path") && wire.path_count < MOST_SOCKETS) wire.paths[wire.path_count++] = text;
  else if (!strcmp(name, "hello")) wire.hello = text;
  else if (!strcmp(name, "ready")) wire.ready = text;
  else if (!strcmp(name, "ping")) wire.ping = text;
  else if (!strcmp(name, "pong")) wire.pong = text;
  else if (!strcmp(name, "binary")) wire.binary = true;
  else if (!strcmp(name, "topics")) wire.topics = atoi(text);
  else if (!strcmp(name, "window")) wire.window = atoi(text);
  else if (!strcmp(name, "publisher-path")) wire.publisher_path = text;
  else if (!strcmp(name, "publisher-hello") && wire.publisher_hello_count < MOST_HELLOS)
    wire.publisher_hellos[wire.publisher_hello_count++] = text;
  else if (!strcmp(name, "publish")) wire.publish = text;
  else fprintf(stderr, "not understood: %s\n", name);
}

static void obey(char *line) {
  char *value = strchr(line, ' ');
  if (value) *value++ = 0;
  else value = line + strlen(line);
  if (!strcmp(line, "open")) answer_open(value);
  else if (!strcmp(line, "run")) answer_run(value);
  else if (!strcmp(line, "close")) close_sockets(), printf("{}\n");
  else if (!strcmp(line, "wire")) wire = (struct wire){.topics = 1};
  else set(line, value);
  fflush(stdout);
}

/* A line is a name and the rest; `open`, `run` and `close` are answered with one line of JSON. */
int main(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sockets_start();
  static char input[1024 * 1024];
  size_t have = 0;
  for (;;) {
    read_sockets(1000000, true);
    const ssize_t length = read(STDIN_FILENO, input + have, sizeof input - 1 - have);
    if (length <= 0) return 0;
    have += (size_t)length;
    char *line = input;
    for (char *end; (end = memchr(line, '\n', have - (size_t)(line - input))); line = end + 1) {
      *end = 0;
      obey(line);
    }
    have -= (size_t)(line - input);
    memmove(input, line, have);
  }
}
