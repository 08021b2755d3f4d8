"""The parts of bench/run: build, servers, cells, measure, report, chart."""
