/**
 * Fields that must stand in the head: those that frame a message, route it, modify or authenticate a request, control a reply or say how content is to be
 * read (RFC 9110 section 6.5.1). In lower case.
 */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'www-authenticate',
]);

/** Whether a trailer section may carry a field. @param name in lower case */
export function mayTrail(name: string): boolean {
  return !NOT_IN_TRAILERS.has(name);
}
