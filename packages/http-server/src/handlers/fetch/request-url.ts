import { HttpServerError } from '../../exchange/errors.js';
import type { HttpRequest } from '../../exchange/request.js';

/** Hosts the URL parser leaves as they are: lower-case names whose last label is no number, and dotted quads. */
const PLAIN_HOST =
  /^(?:(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$|:)|(?=$|:))){4})(?::(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/;
/** Targets it leaves as they are: nothing to encode, no dot segments. */
const PLAIN_TARGET =
  /^\/[A-Za-z0-9_~!$&()*+,;=:@/-]*(?:\.[A-Za-z0-9_-]+)*(?:\?[A-Za-z0-9_~!$&()*+,;=:@/?.%-]*)?$/;

/** The last host looked at, and whether it is plain: nearly always the same one. */
let lastHost = '';
let lastPlain = false;
/** The last target of that host, and what the two make: servers have URLs that are asked for most of the time. */
let lastScheme = '';
let lastTarget = '';
let lastUrl = '';

/**
 * The URL of a request as the WHATWG URL parser serialises it. Most requests need no parser: their URL is the concatenation of its
 * parts.
 *
 * @throws HttpServerError with status 400 when host and target make no URL
 */
export function requestUrl(request: HttpRequest): string {
  const { host, scheme, target } = request;
  if (host !== lastHost) {
    lastHost = host;
    lastTarget = '';
    lastPlain = PLAIN_HOST.test(host) && !host.includes('xn--') && !/:(?:80|443)$/.test(host);
  }
  if (target === lastTarget && scheme === lastScheme) return lastUrl;
  if (lastPlain && PLAIN_TARGET.test(target)) {
    lastScheme = scheme;
    lastTarget = target;
    lastUrl = `${scheme}://${host}${target}`;
    return lastUrl;
  }
  try {
    if (target.charCodeAt(0) === 0x2f) {
      return new URL(`${scheme}://${host === '' ? 'localhost' : host}${target}`).href;
    }
    // Absolute form; `*` has no path of its own.
    return new URL(target === '*' ? `${scheme}://${host === '' ? 'localhost' : host}` : target)
      .href;
  } catch {
    throw new HttpServerError('BODY_INVALID', 'Host and target of the request make no URL', 400);
  }
}
