import type { Request } from 'express';
import { AdministrationError } from '../../access/accounts/administration-error.ts';

/** The fields of a JSON body, each checked when it is asked for. All throw `AdministrationError` `invalid`. */
export interface Fields {
  text(name: string): string;
  optionalFlag(name: string): boolean | undefined;
  optionalText(name: string): string | undefined;
  optionalTexts(name: string): readonly string[] | undefined;
  /** A date (RFC 3339) as milliseconds since 1970. */
  optionalTime(name: string): number | undefined;
  /** Throws for a field that is none of `names`: a misspelt one must not be passed over. */
  only(...names: readonly string[]): void;
}

export function fieldsOf({ body }: Request): Fields {
  const given = body as unknown;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new AdministrationError('invalid', 'the body must be a JSON object, sent as application/json');
  }
  const value = (name: string) =>
    Object.hasOwn(given, name) ? ((given as Record<string, unknown>)[name] ?? undefined) : undefined;

  function optional<Type>(name: string, is: (found: unknown) => found is Type, form: string): Type | undefined {
    const found = value(name);
    if (found === undefined || is(found)) return found;
    throw new AdministrationError('invalid', `${name} must be ${form}`);
  }

  const fields: Fields = {
    text(name) {
      const found = fields.optionalText(name);
      if (found === undefined) throw new AdministrationError('invalid', `${name} is missing`);
      return found;
    },
    optionalText: (name) => optional(name, isText, 'text'),
    optionalFlag: (name) => optional(name, isFlag, 'true or false'),
    optionalTexts: (name) => optional(name, areTexts, 'a list of texts'),
    optionalTime(name) {
      const found = fields.optionalText(name);
      const time = found === undefined ? undefined : parseTime(found);
      if (Number.isNaN(time)) throw new AdministrationError('invalid', `${name} must be a date such as 2030-01-31T00:00:00Z`);
      return time;
    },
    only(...names) {
      const unknown = Object.keys(given).find((name) => !names.includes(name));
      if (unknown !== undefined)
        throw new AdministrationError(
          'invalid',
          `${unknown} is not a field${names.length > 0 ? `: ${names.join(', ')} are` : ''}`,
        );
    },
  };
  return fields;
}

/** RFC 3339, section 5.6; NaN for anything else: `Date.parse` alone takes `1` for the year 2001. */
function parseTime(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(text) ? Date.parse(text) : NaN;
}

function isText(found: unknown): found is string {
  return typeof found === 'string';
}

function isFlag(found: unknown): found is boolean {
  return typeof found === 'boolean';
}

function areTexts(found: unknown): found is readonly string[] {
  return Array.isArray(found) && found.every(isText);
}

const largestPage = 1000;
const usualPage = 100;

/** `limit` and `after` of a listing. */
export function pageOf(request: Request): { readonly after: string; readonly limit: number } {
  const { searchParams } = new URL(request.originalUrl, 'http://localhost');
  const limit = searchParams.get('limit') ?? String(usualPage);
  if (!/^[1-9]\d{0,5}$/.test(limit)) throw new AdministrationError('invalid', `limit must be a number from 1 to ${largestPage}`);
  return { after: searchParams.get('after') ?? '', limit: Math.min(Number(limit), largestPage) };
}

/** A number in the path or the query. */
export function numberOf(text: string, name: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new AdministrationError('invalid', `${name} must be a number`);
  return Number(text);
}
