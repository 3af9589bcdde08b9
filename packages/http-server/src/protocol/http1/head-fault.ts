import { FAULT_BODY_LENGTH, FAULT_EXPECTATION, FAULT_METHOD_UNKNOWN } from './faults.js';
import { EXPECT_OTHER, type HeadParser } from './head-parser.js';
import { METHOD_CONNECT, METHOD_TRACE } from './methods.js';

/**
 * Why a request is refused before its handler: a fault, or 0.
 *
 * @param length of its body as declared, -1 for chunks
 * @param bodyBytesMax what a handler could let pass
 */
export function headFault(head: HeadParser, length: number, bodyBytesMax: number): number {
  if (length > bodyBytesMax) return FAULT_BODY_LENGTH;
  if (head.expect === EXPECT_OTHER) return FAULT_EXPECTATION;
  const method = head.methodCode;
  return method === METHOD_CONNECT || method === METHOD_TRACE ? FAULT_METHOD_UNKNOWN : 0;
}
