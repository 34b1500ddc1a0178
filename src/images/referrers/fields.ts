import type { Fields } from '../../oci/foreign-json.ts';

/** Characters of a text that a document may have; the rest is cut off. */
export const maxTextLength = 500;

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the JSON objects of a list; none for any other value. */
export function itemsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** Returns the beginning of a text; '' for any other value. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, maxTextLength) : '';
}
