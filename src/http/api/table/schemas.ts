import { z } from 'zod';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import { parseRepositoryName } from '../../../oci/reference.ts';
import {
  longestTokenName,
  maxGrants,
  requireGrants,
  requireName,
  requirePassword,
  requirePattern,
  requireTokenName,
} from '../../../access/accounts/validation.ts';

/**
 * The JSON of requests and responses. The rules of `access/accounts/validation.ts` decide which texts are valid, here and on
 * the command line; lengths in `meta` only describe them in the OpenAPI document.
 */

/** A field that may be missing or null, which mean the same. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Returns a check that runs a rule; where it throws `AdministrationError`, its message becomes an error of the field. */
function check<Value>(rule: (value: Value) => unknown): (payload: z.core.ParsePayload<Value>) => void {
  return ({ value, issues }) => {
    try {
      rule(value);
    } catch (error) {
      if (!(error instanceof AdministrationError)) throw error;
      issues.push({ code: 'custom', message: error.message, input: value });
    }
  };
}

/**
 * A list of texts, checked as a whole: a list with a million wrong items has one error, not a million. `rule` throws for a
 * list of texts that is not valid.
 */
function texts(rule: (items: readonly string[]) => unknown) {
  return z
    .array(z.unknown())
    .check((context) => {
      const { value, issues } = context;
      if (areTexts(value)) check(rule)({ ...context, value });
      else issues.push({ code: 'invalid_type', expected: 'array', input: value });
    })
    .meta({ items: { type: 'string' } })
    .transform((items) => items as readonly string[]);
}

function areTexts(items: readonly unknown[]): items is readonly string[] {
  return items.every((item) => typeof item === 'string');
}

/** RFC 3339, section 5.6. `Date.parse` alone accepts `1` as the year 2001. */
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** A date and time in the future; the schema returns milliseconds since 1970. */
export const expiry = z
  .string()
  .meta({ format: 'date-time' })
  .transform((text, { issues }) => {
    const time = rfc3339.test(text) ? Date.parse(text) : NaN;
    if (Number.isNaN(time)) issues.push({ code: 'invalid_format', format: 'date-time', input: text });
    return time;
  });

/** PostgreSQL stores no NUL character, not even to look for it. */
export const text = z.string().regex(/^[^\0]*$/);
/** The name of a repository; the schema returns it parsed. */
export const repository = text.transform((text, { issues }) => {
  const name = parseRepositoryName(text);
  if (name) return name;
  issues.push({ code: 'custom', message: 'is not the name of a repository', input: text });
  return z.NEVER;
});

const accountName = z.string().check(check(requireName)).meta({ minLength: 1, maxLength: 128 });
const password = z.string().check(check(requirePassword)).meta({ minLength: 8, format: 'password' });
const grants = texts(requireGrants).meta({ description: `at most ${maxGrants} of PATTERN:ACTIONS, as in team-a/*:pull,push` });

/** A repository pattern; the schema returns it parsed. */
export const pattern = z
  .string()
  .check(check(requirePattern))
  .meta({ description: 'NAME, PREFIX/* or PREFIX/**' })
  .transform(requirePattern);

// Parameters of paths and queries.

export const byName = z.object({ name: text });
export const byTokenId = z.object({ id: text });
export const byNameAndTokenId = z.object({ name: text, id: text });
export const byNameAndAccount = z.object({ name: text, account: text });
export const exactNumber = z.coerce.number<string>().int().min(0);
export const byNumber = z.object({ id: exactNumber });

const largestPage = 1000;
const limitMessage = `limit must be a number from 1 to ${largestPage}`;
export const limit = z.coerce
  .number<string>({ error: limitMessage })
  .int(limitMessage)
  .min(1, limitMessage)
  .max(999_999, limitMessage)
  .meta({ description: `items of a page; at most ${largestPage} are returned` })
  .transform((items) => Math.min(items, largestPage))
  .default(100);

/** `after` is the `next` of the page before. */
export const pageByName = z.object({ after: text.default(''), limit });
export const pageByNumber = z.object({ after: exactNumber.default(0), limit });
export const grantsQuery = pageByNumber.extend({
  subject: text.optional().meta({ description: 'only grants of this subject, such as team:devs' }),
});
export const auditQuery = z.object({
  after: exactNumber.optional(),
  limit,
  actor: text.optional(),
  target: text.optional(),
});

// Bodies of requests. A field that is not listed is refused: a misspelt one must not be ignored.

export const newPassword = z.strictObject({ password });
export const newUser = z.strictObject({ name: accountName, password, admin: optional(z.boolean()) });
export const accountChanges = z.strictObject({
  password: optional(password),
  admin: optional(z.boolean()),
  disabled: optional(z.boolean()),
});
export const robotChanges = accountChanges.extend({
  expiresAt: z.optional(z.nullable(expiry)).meta({ description: 'also of the secrets that expire with the robot; null: never' }),
});
export const newRobot = z.strictObject({ name: accountName, grants: optional(grants), expiresAt: optional(expiry) });
export const newToken = z.strictObject({
  name: z.string().check(check(requireTokenName)).meta({ minLength: 1, maxLength: longestTokenName }),
  scopes: optional(grants),
  expiresAt: optional(expiry),
});
export const newTeam = z.strictObject({ name: accountName });
export const newGrant = z.strictObject({
  subject: text.meta({ description: 'user:NAME, robot:NAME, team:NAME, authenticated or anonymous' }),
  pattern,
  actions: optional(texts(() => undefined)).meta({ description: 'some of pull, add, push, delete, admin' }),
});
export const newVisibility = z.strictObject({
  pattern,
  public: optional(z.boolean()).meta({ description: 'null or missing: removes the rule' }),
});
export const htpasswdFile = z.strictObject({ file: text });
export const nothing = z.strictObject({});

// Bodies of responses.

export const dateTime = z.string().meta({ format: 'date-time' });
const milliseconds = z.number().meta({ description: 'milliseconds since 1970' });
const kind = z.enum(['user', 'robot']);

export function pageOf<Item extends z.ZodType>(item: Item) {
  const next = z.string().optional().meta({ description: 'the `after` of the next page; missing on the last page' });
  return z.object({ items: z.array(item), next });
}

export const me = z.object({ name: z.string(), kind, admin: z.boolean() }).meta({ id: 'Me' });
export const account = z
  .object({
    name: z.string(),
    kind,
    admin: z.boolean(),
    disabled: z.boolean(),
    createdAt: dateTime,
    expiresAt: dateTime.nullable(),
  })
  .meta({ id: 'Account' });
export const namespaceStatus = z
  .object({
    name: z.string(),
    namespace: z.string().nullable().meta({ description: 'pattern of the repositories that the user owns' }),
    note: z.string().optional().meta({ description: 'why the user owns none' }),
  })
  .meta({ id: 'NamespaceStatus' });
export const namespace = z
  .object({ name: z.string(), owner: z.string().nullable(), deletedAt: dateTime.nullable() })
  .meta({ id: 'Namespace' });
export const token = z
  .object({
    id: z.string(),
    kind: z.enum(['personal', 'robot', 'refresh', 'session']),
    name: z.string(),
    scopes: z.array(z.string()).nullable(),
    createdAt: milliseconds,
    expiresAt: milliseconds.nullable(),
    lastUsedAt: milliseconds.nullable(),
  })
  .meta({ id: 'Token' });
export const tokens = z.object({ items: z.array(token) });
export const issuedSecret = z
  .object({ id: z.string(), secret: z.string().meta({ description: 'shown only here' }) })
  .meta({ id: 'IssuedSecret' });
export const createdRobot = z.object({ name: z.string(), id: z.string(), secret: z.string() }).meta({ id: 'CreatedRobot' });
export const named = z.object({ name: z.string() }).meta({ id: 'Named' });
export const team = z.object({ name: z.string(), members: z.array(z.string()) }).meta({ id: 'Team' });
export const grant = z
  .object({ id: z.number(), subject: z.string(), pattern: z.string(), actions: z.array(z.string()) })
  .meta({ id: 'Grant' });
export const grantId = z.object({ id: z.number() });
export const visibility = z.object({ pattern: z.string(), public: z.boolean() }).meta({ id: 'Visibility' });
export const auditLine = z
  .object({
    at: dateTime,
    actor: z.string(),
    address: z.string(),
    action: z.string(),
    target: z.string(),
    result: z.string(),
    detail: z.unknown(),
  })
  .partial({ detail: true })
  .meta({ id: 'AuditLine' });
export const importedUsers = z.object({ created: z.array(z.string()), notes: z.array(z.string()) }).meta({ id: 'ImportedUsers' });
export const openApiDocument = z.record(z.string(), z.unknown());
