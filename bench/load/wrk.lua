-- bench/load/wrk.lua - makes wrk end with one line of JSON in the words of our load generator.
done = function(summary, latency, requests)
    local failed = 0
    for _, count in pairs(summary.errors) do
        failed = failed + count
    end
    local line = '{"messages":%d,"lost":%d,"seconds":%.6f,"per_second":%.1f,'
        .. '"p50_ns":%d,"p99_ns":%d,"p999_ns":%d,"max_ns":%d}\n'
    io.write(line:format(
        summary.requests, failed, summary.duration / 1e6, summary.requests / summary.duration * 1e6,
        latency:percentile(50) * 1000, latency:percentile(99) * 1000,
        latency:percentile(99.9) * 1000, latency.max * 1000))
end
