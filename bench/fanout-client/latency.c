#include "client.h"

/* 64 steps for each power of two, so a value is known to 1.6 %. */
void add_latency(struct result *result, uint64_t us) {
  const int power = us < 64 ? 0 : 58 - __builtin_clzll(us);
  result->latency[power * 64 + (us >> power)] += 1;
  result->received += 1;
  if (us > result->most_us) result->most_us = us;
}

uint64_t latency_at(const struct result *result, double share) {
  const uint64_t wanted = (uint64_t)(share * (double)result->received);
  uint64_t seen = 0;
  for (int index = 0; index < 64 * 64; index += 1) {
    seen += result->latency[index];
    const int power = index / 64;
    if (seen > wanted) return (uint64_t)(index % 64) << power;
  }
  return result->most_us;
}
