/**
 * A `Content-Type` as a small number, so that a protocol can index ready-made heads with it. 0 is none; the others are handed out
 * by {@link contentKindOf}.
 */
export type ContentKind = number;

/** No Content-Type. */
export const KIND_NONE = 0;
/** `text/plain; charset=utf-8`. */
export const KIND_TEXT = 1;
/** `text/html; charset=utf-8`. */
export const KIND_HTML = 2;
/** `application/json`. */
export const KIND_JSON = 3;
/** `application/octet-stream`. */
export const KIND_BYTES = 4;

/** How many kinds there may be: a program has a handful of types; one that computes them gets no ready-made heads. */
export const KINDS_MAX = 64;
/** The longest value that gets a kind, in characters: ready-made heads are copied whole, and must stay small. */
export const KIND_LENGTH_MAX = 128;

const values: string[] = [
  '',
  'text/plain; charset=utf-8',
  'text/html; charset=utf-8',
  'application/json',
  'application/octet-stream',
];
const kinds = new Map<string, ContentKind>(values.map((value, kind) => [value, kind]));

/**
 * The kind of a field value, registering it when there is room.
 *
 * @param value already known to be a valid field value
 * @returns -1 when there are {@link KINDS_MAX} others, or it is longer than {@link KIND_LENGTH_MAX}
 */
export function contentKindOf(value: string): ContentKind {
  const kind = kinds.get(value);
  if (kind !== undefined) return kind;
  if (values.length === KINDS_MAX || value.length > KIND_LENGTH_MAX) return -1;
  kinds.set(value, values.length);
  return values.push(value) - 1;
}

/** True when {@link contentKindOf} has met `value`, and so it needs no validation. */
export function isContentKind(value: string): boolean {
  return kinds.has(value);
}

/** The field value of a kind; empty for {@link KIND_NONE}. */
export function contentType(kind: ContentKind): string {
  return values[kind]!;
}
