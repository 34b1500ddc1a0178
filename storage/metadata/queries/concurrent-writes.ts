import type * as writes from './writes.ts';

/**
 * Writes that may run beside each other where a database has several writers at once: they add, or touch only rows that
 * they name, and take nothing away that another of them has looked at and relies on.
 * Every write that is not listed runs alone, as each does in SQLite. That is always right; list what must be fast.
 */
const additions: ReadonlySet<string> = new Set<keyof typeof writes>([
  'createUpload',
  'deleteUpload',
  'commitBlob',
  'mountBlob',
  'putManifest',
  'deleteTag',
  'createAccessToken',
  'touchAccessToken',
  'recordAudit',
  'recordMirroredTag',
  'recordMissingTag',
  'recordMirroredManifest',
  'recordMirroredBlob',
  'linkHeldBlob',
  'recordUpstreamVisibility',
  'recordUses',
  'reserveRoom',
  'renewArrivals',
  'endTransits',
  'refuseBlob',
  'takeLease',
  'releaseLease',
  'requestLease',
  'forgetLeases',
]);

export function mayRunBesideOthers(write: string): boolean {
  return additions.has(write);
}
