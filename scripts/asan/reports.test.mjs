import { expect, test } from 'vitest';
import { findings } from './reports.mjs';

const SOURCES = '/anywhere/native/src/';
const leak = (...frames) =>
  [
    '==7==ERROR: LeakSanitizer: detected memory leaks',
    '',
    'Direct leak of 64 byte(s) in 1 object(s) allocated from:',
    ...frames.map((frame, index) => `    #${index} 0x7f00 in ${frame}`),
    '',
    'SUMMARY: AddressSanitizer: 64 byte(s) leaked in 1 allocation(s).',
  ].join('\n');
const NEW = 'operator new(unsigned long) ../libsanitizer/asan/asan_new_delete.cpp:95';
const WRAPPER = 'Napi::Function::New /anywhere/node_modules/node-addon-api/napi-inl.h:1';

test('findings() takes every error of AddressSanitizer and UBSan, whoever made it', () => {
  const overflow =
    '==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60\n    #0 a (node)';
  expect(findings(overflow, SOURCES)).toEqual([overflow]);
  expect(findings('x.cpp:1:2: runtime error: signed integer overflow', SOURCES)).toHaveLength(1);
  expect(findings('==7==WARNING: nothing of weight', SOURCES)).toEqual([]);
});

test('findings() takes a leak whose memory our code asked for, also through a wrapper', () => {
  const ours = `ringbearer::Ring::Map ${SOURCES}ring/ring.cpp:9`;
  expect(findings(leak(NEW, ours), SOURCES)).toHaveLength(1);
  expect(findings(leak(NEW, WRAPPER, ours, 'napi_call (node)'), SOURCES)).toHaveLength(1);
});

test('findings() leaves leaks of Node.js, though we called it, and what we keep on purpose', () => {
  const ours = `ringbearer::Ring::Map ${SOURCES}ring/ring.cpp:9`;
  expect(findings(leak(NEW, 'napi_wrap (/usr/bin/node+0x1)', ours), SOURCES)).toEqual([]);
  const kept = `ringbearer::Ring::CancelAll() ${SOURCES}ring/ring.cpp:9`;
  expect(findings(leak(NEW, kept), SOURCES)).toEqual([]);
});
