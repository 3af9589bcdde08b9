import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  OWNER_EDGES,
  Owner,
  type OwnerEdge,
  type OwnerEdges,
  OwnerError,
  OwnerState,
  ownerStateName,
  SHARED_OWNER_EDGES,
} from './index.js';

const S = OwnerState;
const STATES = Object.values(OwnerState);
const EDGES = Object.keys(OWNER_EDGES) as OwnerEdge[];
const MACHINES: [string, boolean, OwnerEdges][] = [
  ['exclusive', false, OWNER_EDGES],
  ['shared', true, SHARED_OWNER_EDGES],
];

/** The way to each state, written out by hand so that the table does not prove itself. */
const PATHS: Record<number, OwnerEdge[]> = {
  [S.Created]: [],
  [S.Registered]: ['register'],
  [S.Filling]: ['fill'],
  [S.Taken]: ['take'],
  [S.Kernel]: ['take', 'give'],
  [S.Returned]: ['take', 'give', 'giveBack'],
  [S.Reusable]: ['take', 'reuse'],
};

function ownerIn(state: OwnerState, shared: boolean): Owner {
  const owner = new Owner({ shared });
  for (const edge of PATHS[state]!) owner[edge]();
  return owner;
}

function refusal(call: () => void): OwnerError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(OwnerError);
    return error as OwnerError;
  }
  throw new Error('was not refused');
}

describe.each(MACHINES)('a %s Owner', (_, shared, edges) => {
  const reachable = STATES.filter((state) => !(shared && state === S.Returned));
  const pairs = reachable.flatMap((state) =>
    EDGES.map((edge) => [ownerStateName(state), edge, state] as const),
  );

  test.each(pairs)('in %s: %s() is an edge of the table or an error', (name, edge, state) => {
    const owner = ownerIn(state, shared);
    expect(owner.state).toBe(state);
    if (edges[edge].from.includes(state)) {
      owner[edge]();
      expect(owner.state).toBe(edges[edge].to);
    } else {
      const error = refusal(() => owner[edge]());
      expect(error.code).toBe(`OWNER_${name.toUpperCase()}`);
      expect(error.state).toBe(state);
      expect(error.verb).toBe(edge);
      expect(error.message).toMatch(/^Cannot [a-z ]+ memory as .+/);
      expect(owner.state).toBe(state);
      expect(owner.users).toBe(state === S.Kernel ? 1 : 0);
    }
  });

  test.each(reachable.map((state) => [ownerStateName(state), state] as const))(
    'in %s: lend() is take() where needed, then give()',
    (_name, state) => {
      const owner = ownerIn(state, shared);
      const before = owner.users;
      if (edges.take.from.includes(state) || edges.give.from.includes(state)) {
        owner.lend();
        expect(owner.state).toBe(S.Kernel);
        expect(owner.users).toBe(before + 1);
      } else {
        expect(refusal(() => owner.lend()).verb).toBe('take');
        expect(owner.state).toBe(state);
      }
    },
  );

  test('idle is true exactly where take() is legal', () => {
    for (const state of reachable) {
      expect(ownerIn(state, shared).idle).toBe(edges.take.from.includes(state));
    }
  });

  test('any walk agrees with a model that counts users', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<OwnerEdge | 'lend'>(...EDGES, 'lend')), (walk) => {
        const owner = new Owner({ shared });
        let state: OwnerState = S.Created;
        let users = 0;
        for (const step of walk) {
          const edge: OwnerEdge =
            step !== 'lend' ? step : edges.give.from.includes(state) ? 'give' : 'take';
          const legal = edges[edge].from.includes(state);
          if (legal) {
            owner[step]();
            if (edge === 'give' || step === 'lend') users += 1;
            else if (edge === 'giveBack' || edge === 'withdraw') users -= 1;
            if (step === 'lend') state = S.Kernel;
            else if (users === 0 || edge === 'give') state = edges[edge].to;
          } else {
            refusal(() => owner[step]());
          }
          expect(owner.state).toBe(state);
          expect(owner.users).toBe(users);
        }
      }),
    );
  });
});

describe('an exclusive Owner', () => {
  test('walks the cycle of a buffer that is sent, many times', () => {
    const owner = new Owner();
    for (let round = 0; round < 3; round++) {
      owner.fill();
      owner.filled();
      owner.give();
      owner.giveBack();
      owner.reuse();
    }
    expect(owner.name).toBe('Reusable');
  });

  test('walks the cycle of a buffer that receives', () => {
    const owner = new Owner();
    for (let round = 0; round < 3; round++) {
      owner.lend();
      owner.giveBack();
      owner.reuse();
    }
    expect(owner.name).toBe('Reusable');
  });

  test('lend() refuses a second send of memory in flight', () => {
    const owner = ownerIn(S.Kernel, false);
    expect(() => owner.lend()).toThrow(
      'Cannot take memory as the kernel owns it: wait for its completion',
    );
  });

  test('fill() says what to do while the kernel owns the memory', () => {
    expect(() => ownerIn(S.Kernel, false).fill()).toThrow(
      'Cannot fill memory as the kernel owns it: wait for its completion',
    );
  });

  test('lend() refuses to overwrite what nobody has read', () => {
    expect(refusal(() => ownerIn(S.Returned, false).lend()).code).toBe('OWNER_RETURNED');
  });

  test('withdraw() leaves filled bytes ready for another try', () => {
    const owner = new Owner();
    owner.fill();
    owner.filled();
    owner.lend();
    owner.withdraw();
    expect(owner.name).toBe('Taken');
    owner.lend();
    expect(owner.name).toBe('Kernel');
  });

  test('assertReadable() refuses in Kernel only', () => {
    for (const state of STATES) {
      const owner = ownerIn(state, false);
      if (state === S.Kernel) expect(refusal(() => owner.assertReadable()).verb).toBe('read');
      else expect(() => owner.assertReadable()).not.toThrow();
      expect(owner.state).toBe(state);
    }
  });
});

describe('a shared Owner', () => {
  test('stays in Kernel until the last user gives it back, and needs no reuse()', () => {
    const owner = new Owner({ shared: true });
    owner.lend();
    owner.lend();
    owner.lend();
    owner.giveBack();
    owner.withdraw();
    expect([owner.name, owner.users]).toEqual(['Kernel', 1]);
    owner.giveBack();
    expect([owner.name, owner.users]).toEqual(['Reusable', 0]);
    owner.lend();
    expect(owner.name).toBe('Kernel');
  });

  test('is readable at any time', () => {
    expect(() => ownerIn(S.Kernel, true).assertReadable()).not.toThrow();
  });
});
