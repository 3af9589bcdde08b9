import { serve } from '@ringbearer/http-server';
import { answer } from './answers.mjs';

// The memory bench holds idle connections for longer, and more of them, than the defaults allow.
const IDLE = process.env.BENCH_IDLE ? { maxConnections: 18_000, keepAliveTimeoutMs: 120_000 } : {};

const server = await serve({ port: 0, hostname: '127.0.0.1', ...IDLE, fetch: answer });
console.log('listening', server.address().port);
