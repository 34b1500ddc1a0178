import { z } from 'zod';
import { authorize } from '../../../access/permissions/authorize.ts';
import { OciError } from '../../../oci/errors.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, created, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const newCheck = z
  .object({
    code: z.string(),
    image: z.string().meta({ description: 'the name to pull, also with the name of an upstream or of this server before it' }),
    expiresAt: s.dateTime,
  })
  .meta({ id: 'NewClientCheck' });

const check = z
  .object({
    expiresAt: s.dateTime,
    use: z
      .object({
        at: s.dateTime,
        client: z.string().meta({ description: 'its name and version' }),
        address: z.string(),
        upstream: z.string().meta({ description: 'the upstream whose name the client used; empty: none' }),
      })
      .nullable()
      .meta({ description: 'the first pull; null before it' }),
  })
  .meta({ id: 'ClientCheck' });

const upstreamCheck = z
  .object({
    upstream: z.string(),
    result: z
      .enum([
        'ok',
        'unreachable',
        'timeout',
        'unavailable',
        'failed',
        'limited',
        'busy',
        'login_refused',
        'denied',
        'not_found',
        'bad_content',
      ])
      .meta({ description: 'ok: it answers, and has not refused the login of berth' }),
    milliseconds: z.number(),
    detail: z.string().nullable().meta({ description: 'what failed; null after an answer, and for accounts that are no admins' }),
  })
  .meta({ id: 'UpstreamCheck' });

const namedUpstream = z.strictObject({ upstream: s.text.meta({ description: 'a key of mirror.upstreams' }) });

const byCode = z.object({ code: s.text });

/** Codes belong to an account; in mode open to everybody who knows them. */
function ownerOf({ principal }: Context): string {
  return principal.id;
}

function requireChecks({ checks }: Context) {
  if (checks) return checks;
  throw new OciError('UNSUPPORTED', { status: 404, message: 'page.check is off' });
}

async function beginCheck(_input: unknown, context: Context) {
  const { code, expiresAt } = await requireChecks(context).begin(ownerOf(context));
  return { code, image: `berth-check/${code}`, expiresAt: toDateTime(expiresAt) };
}

async function showCheck({ query }: { readonly query: z.output<typeof byCode> }, context: Context) {
  const found = await requireChecks(context).find(query.code, ownerOf(context));
  if (!found) throw new OciError('NAME_UNKNOWN', { message: 'there is no such test: it may have ended' });
  const { expiresAt, use } = found;
  return { expiresAt: toDateTime(expiresAt), use: use ? { ...use, at: toDateTime(use.at) } : null };
}

async function checkUpstream({ body }: { readonly body: z.output<typeof namedUpstream> }, context: Context) {
  const { detail, ...found } = await context.upstreamChecks.run(body.upstream);
  const isAdmin = authorize(context.principal, { action: 'administer' }) === 'allow';
  return { ...found, detail: isAdmin && detail !== '' ? detail : null };
}

/** Rows of the API: tests of clients and of upstreams. */
export const clientCheckRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/mirror/check',
    summary: 'Make a one-time image that shows whether a client uses this server',
    needs: 'account',
    body: s.nothing,
    returns: created(newCheck),
    handler: beginCheck,
  }),
  route({
    method: 'GET',
    path: '/mirror/check',
    summary: 'Show which client has pulled a one-time image',
    needs: 'account',
    query: byCode,
    returns: ok(check),
    handler: showCheck,
  }),
  route({
    method: 'POST',
    path: '/mirror/upstreams/check',
    summary: 'Test whether this server reaches an upstream; at most six times a minute for each',
    needs: 'account',
    body: namedUpstream,
    returns: ok(upstreamCheck),
    handler: checkUpstream,
  }),
];
