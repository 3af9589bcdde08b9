// Enough of a TypeScript lexer to tell code from comments from strings, so that checks do not trip over prose.

/** A `/` after one of these words begins a regular expression, not a division. */
const BEFORE_REGEX =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)\s*$/;

/**
 * Splits a source into layers of the same length as the source.
 *
 * - `code`: comments, and the contents of strings, templates and regular expressions, are blanks
 * - `comments`: everything but comments is blanks
 * - `strings`: start offset of the opening quote -> the text between the quotes
 *
 * Code inside `${}` of a template stays code.
 */
export function readSource(text) {
  const code = [...blank(text)];
  const comments = [...blank(text)];
  const strings = new Map();
  /** Nesting of braces for each template whose `${` is open. */
  const templates = [];
  let at = 0;

  const copy = (layer, from, to) => {
    for (let index = from; index < to; index++) layer[index] = text[index];
  };
  const quoted = (quote) => {
    const start = at;
    for (at++; at < text.length && text[at] !== quote && text[at] !== '\n'; at++) {
      if (text[at] === '\\') at++;
    }
    strings.set(start, text.slice(start + 1, at));
    code[start] = quote;
    if (at < text.length) code[at] = text[at];
    at++;
  };
  const template = () => {
    const start = at;
    for (at++; at < text.length && text[at] !== '`'; at++) {
      if (text[at] === '\\') at++;
      else if (text[at] === '$' && text[at + 1] === '{') {
        strings.set(start, text.slice(start + 1, at));
        templates.push(0);
        at += 2;
        return;
      }
    }
    strings.set(start, text.slice(start + 1, at));
    at++;
  };
  const regex = () => {
    let inClass = false;
    for (at++; at < text.length && text[at] !== '\n'; at++) {
      if (text[at] === '\\') at++;
      else if (text[at] === '[') inClass = true;
      else if (text[at] === ']') inClass = false;
      else if (text[at] === '/' && !inClass) break;
    }
    at++;
  };

  while (at < text.length) {
    const character = text[at];
    const next = text[at + 1];
    if (character === '/' && (next === '/' || next === '*')) {
      const close = next === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2);
      const end = close < 0 ? text.length : close + (next === '/' ? 0 : 2);
      copy(comments, at, end);
      at = end;
    } else if (character === "'" || character === '"') quoted(character);
    else if (character === '`') template();
    else if (character === '/' && beginsRegex(code, at)) regex();
    else {
      if (templates.length > 0 && character === '{') templates[templates.length - 1]++;
      if (templates.length > 0 && character === '}' && templates[templates.length - 1]-- === 0) {
        templates.pop();
        template();
        continue;
      }
      code[at] = character;
      at++;
    }
  }
  return { code: code.join(''), comments: comments.join(''), strings };
}

function blank(text) {
  return text.replace(/[^\n]/g, ' ');
}

function beginsRegex(code, at) {
  let before = at - 1;
  while (before >= 0 && /\s/.test(code[before])) before--;
  if (before < 0) return true;
  if (BEFORE_REGEX.test(code.slice(Math.max(0, before - 12), before + 1).join(''))) return true;
  return !/[\w$)\]}'"`.]/.test(code[before]);
}

/** The 1-based line of an offset. */
export function lineAt(text, offset) {
  let line = 1;
  for (
    let index = text.indexOf('\n');
    index >= 0 && index < offset;
    index = text.indexOf('\n', index + 1)
  ) {
    line++;
  }
  return line;
}

const FROM = /\b(import|export)\b([^;'"`()]*?)\bfrom\s*(['"])/g;
const BARE = /\bimport\s*(['"])/g;
const DYNAMIC = /\b(?:import|require)\s*\(\s*(['"`])/g;

/**
 * Every module a source names.
 *
 * @returns {{ specifier: string, line: number, typeOnly: boolean }[]} in the order of the source
 */
export function readImports(text) {
  const { code, strings } = readSource(text);
  const found = [];
  const add = (match, quote, typeOnly) => {
    const offset = match.index + match[0].length - 1;
    const specifier = strings.get(offset);
    if (specifier !== undefined)
      found.push({ specifier, line: lineAt(text, offset), typeOnly, quote });
  };
  for (const match of code.matchAll(FROM))
    add(match, match[3], /^\s+type\s+(?!from\b|,)/.test(match[2]));
  for (const match of code.matchAll(BARE)) add(match, match[1], false);
  for (const match of code.matchAll(DYNAMIC)) add(match, match[1], false);
  return found
    .sort((a, b) => a.line - b.line)
    .map(({ specifier, line, typeOnly }) => ({ specifier, line, typeOnly }));
}
