import { describe, expect, test } from 'vitest';
import { lineAt, readImports, readSource } from './source-text.mjs';

describe('readSource()', () => {
  test('tells code, comments and strings apart', () => {
    const source = readSource(`const a = 'x // y'; // say "hi"\n/* b */ c();`);
    expect(source.code).not.toContain('y');
    expect(source.code).not.toContain('hi');
    expect(source.code).toContain('c();');
    expect(source.comments).toContain('say "hi"');
    expect(source.comments).toContain('/* b */');
    expect([...source.strings.values()]).toEqual(['x // y']);
  });

  test('keeps offsets and lines', () => {
    const text = "const a = `one\ntwo`;\nimport 'x';";
    const { code } = readSource(text);
    expect(code.length).toBe(text.length);
    expect(lineAt(text, code.indexOf('import'))).toBe(3);
  });

  test('is not misled by quotes inside regular expressions', () => {
    const { code } = readSource(`const r = /['"\\/[/]]/g; real(); const d = a / b; more('x');`);
    expect(code).toContain('real();');
    expect(code).toContain('a / b; more(');
  });

  test('takes the code inside a template for code', () => {
    const { code } = readSource(
      'const t = `a #{f({ k: `in #{deep}` })} b`; after();'.replaceAll('#', '$'),
    );
    expect(code).toContain('f({ k:');
    expect(code).toContain('deep');
    expect(code).toContain('after();');
    expect(code).not.toContain(' b`');
  });
});

describe('readImports()', () => {
  test('finds every form, with its line', () => {
    const text = `import a, { b } from './a.js';
import type { T } from './t.js';
import './side.js';
export * from './all.js';
export type { U } from './u.js';
export {
  type V,
  w,
} from './w.js';
const lazy = await import('./lazy.js');
type Q = import('./q.js').Q;
`;
    expect(readImports(text)).toEqual([
      { specifier: './a.js', line: 1, typeOnly: false },
      { specifier: './t.js', line: 2, typeOnly: true },
      { specifier: './side.js', line: 3, typeOnly: false },
      { specifier: './all.js', line: 4, typeOnly: false },
      { specifier: './u.js', line: 5, typeOnly: true },
      { specifier: './w.js', line: 9, typeOnly: false },
      { specifier: './lazy.js', line: 10, typeOnly: false },
      { specifier: './q.js', line: 11, typeOnly: false },
    ]);
  });

  test('ignores imports in comments and strings', () => {
    const text = `/**\n * import x from 'doc';\n */\nconst s = "import y from 'text'";\nexport const z = Array.from('abc');`;
    expect(readImports(text)).toEqual([]);
  });

  test('does not join an export with a later import', () => {
    const text = `export type A = number;\nimport { b } from './b.js';`;
    expect(readImports(text)).toEqual([{ specifier: './b.js', line: 2, typeOnly: false }]);
  });
});
