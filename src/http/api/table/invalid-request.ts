import type { z } from 'zod';
import { OciError } from '../../../oci/errors.ts';
import type { ErrorPlace } from '../../errors/problem.ts';

/** A request can have as many errors as fields: the first ones are enough to go on. */
const maxErrors = 10;
/** Fields that are not known have names of any length. */
const longestName = 100;

/** Returns what the schema makes of the value. Throws 400 with an entry for each error; the message has them all. */
export function checked(schema: z.ZodObject, value: unknown, part: 'body' | 'parameter'): Record<string, unknown> {
  const known = Object.keys(schema.shape);
  const result = schema.safeParse(value, { error: (issue) => messageOf(issue, known) });
  if (result.success) return result.data;
  const entries = result.error.issues.slice(0, maxErrors).map((issue) => {
    const field = fieldOf(issue);
    const detail: ErrorPlace =
      part === 'parameter' ? { parameter: field ?? '' } : { pointer: field === undefined ? '#' : `#/${field}` };
    return { message: issue.message, detail };
  });
  throw new OciError('UNSUPPORTED', { status: 400, message: entries.map(({ message }) => message).join('; '), entries });
}

interface Issue {
  readonly code?: string | undefined;
  readonly path?: readonly PropertyKey[] | undefined;
  /** Of `unrecognized_keys`. */
  readonly keys?: unknown;
}

/** Fields have no fields of their own: the first part of the path names one. */
function fieldOf({ code, path, keys }: Issue): string | undefined {
  const field = code === 'unrecognized_keys' ? (keys as readonly string[])[0] : path?.[0];
  return field === undefined ? undefined : String(field).slice(0, longestName);
}

function messageOf(issue: z.core.$ZodRawIssue, known: readonly string[]): string {
  const field = fieldOf(issue);
  if (field === undefined) return 'the body must be a JSON object, sent as application/json';
  if (issue.code === 'unrecognized_keys') {
    return `${field} is not a field${known.length > 0 ? `: ${known.join(', ')} are` : ''}`;
  }
  if (issue.input === undefined || issue.input === null) return `${field} is missing`;
  return `${field} must be ${forms[expectedOf(issue)] ?? 'another value'}`;
}

function expectedOf(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'invalid_type') return issue.expected;
  return issue.code === 'invalid_format' ? issue.format : issue.code;
}

/** Descriptions of valid values, by the type or format that the schema expects, or by the kind of error. */
const forms: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list of texts',
  number: 'a number',
  int: 'a number',
  too_small: 'a number',
  too_big: 'a number',
  'date-time': 'a date such as 2030-01-31T00:00:00Z',
  regex: 'text without NUL characters',
};
