import { z } from 'zod';
import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import { BackupRunning } from '../../../maintenance/backup/backups.ts';
import { type Context, type Route, created, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const backup = z.object({ name: z.string(), beganAt: s.dateTime, sizeBytes: z.number() }).meta({ id: 'Backup' });

/** Lists complete backups, newest first. */
async function listBackups(_input: unknown, { backups }: Context) {
  const found = await backups.list();
  return {
    items: found.map(({ name, beganAt, sizeBytes }) => ({ name, beganAt: new Date(beganAt).toISOString(), sizeBytes })),
  };
}

/** Begins a backup and does not wait for its end. */
async function beginBackup(_input: unknown, { backups }: Context) {
  try {
    const { name } = await backups.begin();
    return { name };
  } catch (error) {
    throw error instanceof BackupRunning ? new AdministrationError('taken', error.message) : error;
  }
}

/** Rows of the API: backups. */
export const backupRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/backups',
    summary: 'List complete backups of the metadata, newest first',
    needs: 'admin',
    returns: ok(z.object({ items: z.array(backup) })),
    handler: listBackups,
  }),
  route({
    method: 'POST',
    path: '/backups',
    summary: 'Begin a backup; it is in the list when it is complete',
    needs: 'admin',
    body: s.nothing,
    returns: created(s.named),
    handler: beginBackup,
  }),
];
