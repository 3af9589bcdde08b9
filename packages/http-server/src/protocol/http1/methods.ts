/** No registered method is longer than 17 bytes (UPDATEREDIRECTREF). */
export const METHOD_BYTES_MAX = 32;

export const METHOD_OTHER = 0;
export const METHOD_GET = 1;
export const METHOD_HEAD = 2;
export const METHOD_POST = 3;
export const METHOD_PUT = 4;
export const METHOD_DELETE = 5;
export const METHOD_OPTIONS = 6;
export const METHOD_PATCH = 7;
export const METHOD_CONNECT = 8;
export const METHOD_TRACE = 9;

/** The methods a server meets every day, by code, so that naming them decodes nothing. */
export const METHOD_NAMES = [
  '',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'CONNECT',
  'TRACE',
] as const;

/** The code of a method, {@link METHOD_OTHER} for any token not in {@link METHOD_NAMES}. */
export function methodCode(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  for (let code = 1; code < METHOD_NAMES.length; code++) {
    const name = METHOD_NAMES[code]!;
    if (name.length !== length) continue;
    let i = 0;
    while (i < length && bytes[start + i] === name.charCodeAt(i)) i++;
    if (i === length) return code;
  }
  return METHOD_OTHER;
}
