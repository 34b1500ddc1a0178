import { printRecords, printValue, time } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';
import { readAllPages } from './read-pages.ts';

/** `berth namespace list` */
export const listNamespaces = adminCommand(async (invocation) => {
  const namespaces = await readAllPages(
    '',
    (after, size) => invocation.metadata.namespaces.list(after, size),
    ({ name }) => name,
  );
  const records = namespaces.map(({ name, owner, deletedAt }) => ({
    namespace: `${name}/**`,
    owner: owner ?? null,
    deletedAt: time(deletedAt),
  }));
  printRecords(invocation, { NAMESPACE: 'namespace', OWNER: 'owner', 'ACCOUNT DELETED': 'deletedAt' }, records);
});

/** `berth namespace release` */
export const releaseNamespace = adminCommand(async (invocation) => {
  const [name = ''] = invocation.operands;
  const { namespace, note } = await invocation.administration.releaseNamespace(name);
  if (note !== undefined) {
    invocation.warn(note);
    return;
  }
  const text = namespace === undefined ? `${name} is released` : `${name} owns ${namespace}`;
  printValue(invocation, text, { name, namespace: namespace ?? null });
});
