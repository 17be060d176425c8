-- A multipart form with one picture after the other; the figures of the run as a line of JSON.
local bodies = {}
local next_body = 0
for file in io.lines(os.getenv("KILN_LIST")) do
    local handle = assert(io.open(file, "rb"))
    local head = '--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n' ..
        "Content-Type: image/jpeg\r\n\r\n"
    bodies[#bodies + 1] = head .. handle:read("*a") .. "\r\n--frontier--\r\n"
    handle:close()
end
local headers = { ["Content-Type"] = "multipart/form-data; boundary=frontier" }

function request()
    next_body = next_body % #bodies + 1
    return wrk.format("POST", nil, headers, bodies[next_body])
end

-- Answers by status are counted in each thread and gathered at the end.
local threads = {}
function setup(thread) threads[#threads + 1] = thread end
good, refused, other = 0, 0, 0
function response(status)
    if status == 200 then
        good = good + 1
    elseif status == 429 or status == 503 then
        refused = refused + 1
    else
        other = other + 1
    end
end

function done(summary, latency)
    local sums = { good = 0, refused = 0, other = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
    end
    local errors = summary.errors
    io.write(string.format(
        '{"good": %d, "refused": %d, "other": %d, "seconds": %.3f, "p50_ms": %.1f, "p99_ms": %.1f, ' ..
            '"broken": %d, "late": %d}\n',
        sums.good, sums.refused, sums.other, summary.duration / 1e6, latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3, errors.connect + errors.read + errors.write, errors.timeout))
end
