/**
 * Checks operations of your own against the contract of `OpCode`.
 *
 * @module
 */
export { CONFORMANCE_RULES, conformance } from './conformance.js';
export {
  type ConformanceApi,
  ConformanceError,
  type ExplainableRule,
  type Specimen,
  type SpecimenCompletion,
  type SpecimenKit,
} from './specimen.js';
