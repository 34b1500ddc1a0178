import type { AuditRecord } from '../../storage/metadata/queries/reads.ts';
import { type Administrating, administrating, printTable, time } from './admin-command.ts';
import { type Command, UsageError } from './command.ts';

const usualLines = '50';

/** `berth audit`: who did what. */
export const auditCommands: readonly Command[] = [
  administrating('audit', '', 'show who did what, newest first; 50 lines unless --limit says another number', show, {
    actor: { type: 'string' },
    target: { type: 'string' },
    limit: { type: 'string' },
  }),
];

async function show(work: Administrating): Promise<void> {
  const { actor, target, limit = usualLines } = work.options;
  if (!/^[1-9]\d{0,5}$/.test(String(limit))) throw new UsageError('--limit must be a number from 1 to 999999');
  const filter = { actor: asText(actor), target: asText(target) };
  const events = await work.metadata.listAuditEvents(filter, Number.MAX_SAFE_INTEGER, Number(limit));
  printTable(work, [['TIME', 'ACTOR', 'ADDRESS', 'ACTION', 'TARGET', 'RESULT', 'DETAIL'], ...events.map(row)]);
}

function asText(option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : undefined;
}

function row({ at, actor, address, action, target, result, detail }: AuditRecord): readonly string[] {
  return [time(at), actor || '-', address || '-', action, target || '-', result, detail ?? ''];
}
