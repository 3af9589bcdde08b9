import { describe, expect, it } from 'vitest';
import { parseWrk, wrkComplaint } from './wrk-output.mjs';

const CLEAN = `Running 2s test @ http://127.0.0.1:33493/
  1 threads and 512 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.62ms    1.17ms   9.89ms   78.66%
    Req/Sec   108.51k    17.23k  136.97k    65.00%
  Latency Distribution
     50%    2.32ms
     75%    2.82ms
     90%    4.26ms
     99%    6.97ms
  217359 requests in 2.06s, 26.95MB read
Requests/sec: 105409.59
Transfer/sec:     13.07MB
`;

const ROUGH = `  217359 requests in 2.06s, 26.95MB read
  Socket errors: connect 0, read 12, write 3, timeout 0
  Non-2xx or 3xx responses: 7
Requests/sec: 105409.59
Transfer/sec:     13.07MB
`;

describe('parseWrk()', () => {
  it('reads a clean report', () => {
    expect(parseWrk(CLEAN)).toEqual({
      requests: 217359,
      requestsPerSecond: 105409.59,
      p99Micros: 6970,
      socketErrors: { connect: 0, read: 0, write: 0, timeout: 0 },
      badStatus: 0,
    });
  });

  it.each([
    ['850.00us', 850],
    ['1.25s', 1.25e6],
    ['2.00m', 120e6],
  ])('reads a 99th percentile of %s', (text, micros) => {
    expect(parseWrk(CLEAN.replace('6.97ms', text))?.p99Micros).toBe(micros);
  });

  it('reads errors and goes without a percentile', () => {
    expect(parseWrk(ROUGH)).toMatchObject({
      p99Micros: undefined,
      socketErrors: { connect: 0, read: 12, write: 3, timeout: 0 },
      badStatus: 7,
    });
  });

  it('refuses what is not a whole report', () => {
    expect(parseWrk('')).toBeUndefined();
    expect(parseWrk('unable to connect to 127.0.0.1:1 Connection refused\n')).toBeUndefined();
    expect(parseWrk(CLEAN.slice(0, CLEAN.indexOf('Requests/sec')))).toBeUndefined();
  });
});

describe('wrkComplaint()', () => {
  it('is silent about a clean report', () => {
    expect(wrkComplaint(parseWrk(CLEAN))).toBeUndefined();
  });

  it('names what went wrong', () => {
    expect(wrkComplaint(parseWrk(ROUGH))).toBe(
      '12 read errors, 3 write errors, 7 answers not 2xx or 3xx',
    );
  });
});
