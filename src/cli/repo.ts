import { type Administrating, administrating, everything, pageSize, printTable } from './admin-command.ts';
import type { Command } from './command.ts';

/** `berth repo …`: which repositories are public. */
export const repoCommands: readonly Command[] = [
  administrating('repo public', 'PATTERN', "let everybody pull, as in: repo public 'free/**'", say(true)),
  administrating(
    'repo private',
    'PATTERN',
    'let only those pull who are granted it: the rule, where nothing else is said',
    say(false),
  ),
  administrating('repo default', 'PATTERN', 'take back what was said about a name or pattern', say(undefined)),
  administrating('repo list', '', 'list what was said about names and patterns', list),
];

function say(isPublic: boolean | undefined) {
  return ({ administration, operands: [pattern = ''] }: Administrating) => administration.setPublic(pattern, isPublic);
}

async function list(work: Administrating): Promise<void> {
  const said = await everything(
    '',
    (after) => work.metadata.listVisibilities(after, pageSize),
    ({ pattern }) => pattern,
  );
  printTable(work, [
    ['PATTERN', 'VISIBILITY'],
    ...said.map(({ pattern, isPublic }) => [pattern, isPublic ? 'public' : 'private']),
  ]);
}
