/** Which `Content-Type` a reply helper sends. A number, so that a protocol can index ready-made heads with it. */
export type ContentKind = 0 | 1 | 2 | 3 | 4;

export const KIND_NONE = 0;
export const KIND_TEXT = 1;
export const KIND_HTML = 2;
export const KIND_JSON = 3;
export const KIND_BYTES = 4;

/** How many kinds there are. */
export const KINDS = 5;

/** The field value of every {@link ContentKind}; empty for {@link KIND_NONE}. */
export const CONTENT_TYPES = [
  '',
  'text/plain; charset=utf-8',
  'text/html; charset=utf-8',
  'application/json',
  'application/octet-stream',
] as const;
