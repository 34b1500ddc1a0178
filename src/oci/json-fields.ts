/** Typed access to the fields of a parsed JSON document. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** A manifest that breaks its format; the message says where and how. */
export class InvalidManifest extends Error {
  override readonly name = 'InvalidManifest';
}

export function requiredString(fields: JsonObject, key: string, where: string): string {
  const value = optionalString(fields, key, where);
  if (value === undefined || value === '') throw new InvalidManifest(`${where}.${key} is missing`);
  return value;
}

/** `null` counts as absent: Go clients write it for empty values. */
export function optionalString(fields: JsonObject, key: string, where: string): string | undefined {
  const value = fields[key] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw new InvalidManifest(`${where}.${key} is not a string`);
  return value;
}

/** An absent array is an empty one. */
export function optionalArray(fields: JsonObject, key: string): readonly unknown[] {
  const value = fields[key] ?? [];
  if (!Array.isArray(value)) throw new InvalidManifest(`${key} is not an array`);
  return value as readonly unknown[];
}

export function optionalStringMap(fields: JsonObject, key: string): Readonly<Record<string, string>> | undefined {
  const value = fields[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || Array.isArray(value) || Object.values(value).some((entry) => typeof entry !== 'string')) {
    throw new InvalidManifest(`${key} is not a map of strings`);
  }
  return value as Record<string, string>;
}
