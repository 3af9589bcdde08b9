/**
 * Loaded into a server before its own module: the first SIGUSR2 starts V8's sampling profiler, the second one stops it and writes
 * what it saw to the file that BENCH_PROFILE names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

/** Between two samples, in microseconds: a request takes ten or so, so a profile needs many of them. */
const INTERVAL_US = 200;

const session = new Session();
let profiling = false;

process.on('SIGUSR2', async () => {
  if (profiling) {
    const { profile } = await session.post('Profiler.stop');
    const file = process.env.BENCH_PROFILE;
    // Whoever waits for the file finds all of it.
    writeFileSync(`${file}.part`, JSON.stringify(profile));
    renameSync(`${file}.part`, file);
    return;
  }
  profiling = true;
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
});
