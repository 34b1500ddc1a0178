import { type Administrating, administrating, everything, pageSize, printTable, time } from './admin-command.ts';
import type { Command } from './command.ts';

/** `berth namespace …`: who owns the repositories below a name. */
export const namespaceCommands: readonly Command[] = [
  administrating('namespace list', '', 'list the namespaces of users and of deleted accounts', list),
  administrating('namespace release', 'NAME', 'let another account of the name of a deleted one own its namespace', release),
];

async function list(work: Administrating): Promise<void> {
  const namespaces = await everything(
    '',
    (after) => work.metadata.listNamespaces(after, pageSize),
    ({ name }) => name,
  );
  const rows = namespaces.map(({ name, owner, deletedAt }) => [`${name}/**`, owner ?? '-', time(deletedAt)]);
  printTable(work, [['NAMESPACE', 'OWNER', 'ACCOUNT DELETED'], ...rows]);
}

async function release({ administration, operands: [name = ''], print, warn }: Administrating): Promise<void> {
  const { namespace, note } = await administration.releaseNamespace(name);
  if (note !== undefined) warn(note);
  else print(namespace === undefined ? `${name} is released` : `${name} owns ${namespace}`);
}
