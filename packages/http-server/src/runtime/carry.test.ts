import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Carry } from './carry.js';

describe('Carry', () => {
  it('keeps bytes in order under any appends and consumes', () => {
    const steps = fc.array(
      fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.nat({ max: 4000 })),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (script) => {
        const carry = new Carry();
        let model: number[] = [];
        for (const step of script) {
          if (typeof step === 'number') {
            const count = Math.min(step, model.length);
            carry.consume(count);
            model = model.slice(count);
          } else {
            const padded = new Uint8Array(step.length + 4);
            padded.set(step, 2);
            carry.append(padded, 2, 2 + step.length);
            model.push(...step);
          }
          expect(carry.length).toBe(model.length);
          expect([...carry.bytes.subarray(carry.start, carry.start + carry.length)]).toEqual(model);
        }
      }),
    );
  });

  it('clear() lets large memory go and keeps small', () => {
    const carry = new Carry();
    carry.append(new Uint8Array(100), 0, 100);
    carry.clear();
    expect(carry.bytes.length).toBe(1024);
    carry.append(new Uint8Array(10_000), 0, 10_000);
    carry.consume(10_000);
    expect(carry.bytes.length).toBe(0);
  });
});
