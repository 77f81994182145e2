-- Posts one event a request, each under an Idempotency-Key of its own, or a batch without one.
local token = os.getenv("BENCH_TOKEN")
local body = os.getenv("BENCH_BODY")
local keyed = os.getenv("BENCH_KEYED") == "1"
local number, thread_number, threads = 0, 0, 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

function init()
  math.randomseed(os.time())
  run = tostring(math.random(1, 1000000000))
end

function request()
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }
  if keyed then
    number = number + 1
    headers["Idempotency-Key"] = run .. "-" .. thread_number .. "-" .. number
  end
  return wrk.format("POST", nil, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %f %d %f %f\n", summary.requests / (summary.duration / 1000000),
    errors.status + errors.connect + errors.read + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
