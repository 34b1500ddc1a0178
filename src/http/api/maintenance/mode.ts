import { z } from 'zod';
import { maxReasonCharacters } from '../../../maintenance/mode/maintenance-mode.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const mode = z
  .object({
    readOnly: z.boolean(),
    reason: z.string().nullable(),
    since: s.dateTime.nullable().meta({ description: 'null if the mode is off, or set in the configuration' }),
    by: z.string().nullable().meta({ description: 'the account that began it' }),
  })
  .meta({ id: 'MaintenanceMode' });

const newMode = z.object({
  reason: z.string().max(maxReasonCharacters).default('').meta({ description: 'shown to clients that are refused' }),
});

async function showMode(_input: unknown, { mode }: Context) {
  const state = await mode.find();
  if (!state) return { readOnly: false, reason: null, since: null, by: null };
  const { reason, since, actor } = state;
  const start = since === undefined ? null : new Date(since).toISOString();
  return { readOnly: true, reason: reason || null, since: start, by: actor || null };
}

function beginMode({ body }: { readonly body: z.output<typeof newMode> }, { mode, author }: Context): Promise<void> {
  return mode.begin(body.reason, author);
}

function endMode(_input: unknown, { mode, author }: Context): Promise<void> {
  return mode.end(author);
}

/** Rows of the API: maintenance mode. */
export const modeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/maintenance',
    summary: 'Show whether content can be changed, and why not',
    needs: 'account',
    returns: ok(mode),
    handler: showMode,
  }),
  route({
    method: 'PUT',
    path: '/maintenance',
    summary: 'Begin maintenance mode: pulls work, and changes of content get 405, in all processes',
    needs: 'admin',
    body: newMode,
    returns: noContent,
    handler: beginMode,
  }),
  route({
    method: 'DELETE',
    path: '/maintenance',
    summary: 'End maintenance mode',
    needs: 'admin',
    returns: noContent,
    handler: endMode,
  }),
];
