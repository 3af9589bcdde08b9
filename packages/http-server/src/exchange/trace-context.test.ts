import { describe, expect, test } from 'vitest';
import { fetchHandler, rawHandler } from '../handlers/index.js';
import { continueTrace, traceHeaders } from '../observe/outgoing-trace.js';
import { http1 } from '../protocol/index.js';
import { MemoryRuntime } from '../runtime/memory/index.js';
import { parseTraceContext, type TraceContext } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe('parseTraceContext()', () => {
  test('reads a traceparent and its tracestate', () => {
    expect(parseTraceContext(PARENT, 'rojo=00f0, congo=t61')).toEqual({
      traceId: TRACE,
      parentId: SPAN,
      sampled: true,
      flags: 1,
      tracestate: 'rojo=00f0, congo=t61',
    });
    expect(parseTraceContext(`00-${TRACE}-${SPAN}-02`, undefined)).toMatchObject({
      sampled: false,
      flags: 2,
      tracestate: '',
    });
  });

  test.each([
    ['a later version', `cc-${TRACE}-${SPAN}-01`],
    ['a later version that says more', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
  ])('reads %s', (_what, traceparent) => {
    expect(parseTraceContext(traceparent, undefined)?.traceId).toBe(TRACE);
  });

  test.each([
    ['nothing', undefined],
    ['an empty field', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['version 00 that says more', `${PARENT}-x`],
    ['more without a dash', `cc-${TRACE}-${SPAN}-01.x`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a digit that is none', `00-${TRACE.replace('4', 'g')}-${SPAN}-01`],
    ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a short flag', `00-${TRACE}-${SPAN}-1`],
    ['two lines', `${PARENT}, ${PARENT}`],
    ['two lines of a later version', `cc-${TRACE}-${SPAN}-01, cc-${TRACE}-${SPAN}-01`],
    ['spaces', ` ${PARENT}`],
    ['a line feed at the end', `${PARENT}\n`],
  ])('ignores %s', (_what, traceparent) => {
    expect(parseTraceContext(traceparent, 'a=1')).toBeNull();
  });

  test.each([
    ['a=1', true],
    ['a=1,,b=2', true],
    ['a=1 ,\tb=2', true],
    ['fw529a3039@dt=FfAK', true],
    ['0a=1', true],
    [`a=${'x'.repeat(256)}`, true],
    [Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(','), true],
    [Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','), false],
    ['a=1,a=2', false],
    ['A=1', false],
    ['a', false],
    ['=1', false],
    ['a=', false],
    ['a=b=c', false],
    ['a =1', false],
    ['a=\u00e9', false],
    [`a=${'x'.repeat(257)}`, false],
    [`${'a'.repeat(257)}=1`, false],
    ['a@b@c=1', false],
  ])('takes or drops the tracestate %j: %s', (tracestate, valid) => {
    const trace = parseTraceContext(PARENT, tracestate);
    // The traceparent stands either way.
    expect([trace?.traceId, trace?.tracestate]).toEqual([TRACE, valid ? tracestate : '']);
  });
});

describe('trace', () => {
  const wire = (fields: string): string => `GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;

  test('is there for raw and fetch handlers, with lines joined', async () => {
    const seen: (TraceContext | null)[] = [];
    const raw = rawHandler((request, reply) => {
      seen.push(request.trace);
      reply.empty();
    });
    const fetching = fetchHandler(async (_request, context) => {
      await null;
      seen.push(context.trace);
      return new Response(null);
    });
    for (const handle of [raw, fetching]) {
      const peer = new MemoryRuntime(http1({ handle })).connect();
      peer.send(wire(`TraceParent: ${PARENT}\r\ntracestate: a=1\r\nTracestate: b=2\r\n`));
      peer.send(wire('') + wire(`traceparent: ${PARENT}\r\ntraceparent: ${PARENT}\r\n`));
      await peer.settle();
    }
    const first = {
      traceId: TRACE,
      parentId: SPAN,
      sampled: true,
      flags: 1,
      tracestate: 'a=1, b=2',
    };
    expect(seen).toEqual([first, null, null, first, null, null]);
  });

  test('goes on in the fields of what is sent next, and comes back the same', () => {
    const trace = parseTraceContext(PARENT, 'a=1');
    expect(traceHeaders(trace)).toEqual({ traceparent: PARENT, tracestate: 'a=1' });
    expect(traceHeaders(null)).toEqual({});
    const child = continueTrace(trace);
    expect(child).toMatchObject({ traceId: TRACE, sampled: true, tracestate: 'a=1' });
    expect(child.parentId).not.toBe(SPAN);
    for (const made of [child, continueTrace(null)]) {
      expect(parseTraceContext(traceHeaders(made)['traceparent'], made.tracestate)).toEqual(made);
    }
    expect(continueTrace(parseTraceContext(`cc-${TRACE}-${SPAN}-ff`, '')).flags).toBe(3);
  });
});
