import { CommandError } from '../program/command.ts';
import { asksForJson, printRecords } from '../program/output.ts';
import { type AdminInvocation, adminCommand } from './admin-command.ts';
import { readAllPages } from './read-pages.ts';

/** `berth team add` */
export const addTeam = adminCommand(({ administration, operands: [name = ''] }) => administration.createTeam(name));

/** `berth team list` */
export const listTeams = adminCommand(async (invocation) => {
  const teams = await readAllPages(
    '',
    (after, size) => invocation.metadata.teams.list(after, size),
    (name) => name,
  );
  printNames(invocation, teams);
});

/** `berth team members` */
export const listMembers = adminCommand(async (invocation) => {
  const { metadata, operands } = invocation;
  const [name = ''] = operands;
  const team = await metadata.teams.find(name);
  if (!team) throw new CommandError(`no team is called ${name}`);
  printNames(invocation, await metadata.teams.listMembers(team.id));
});

/** Prints one name a line, without a heading: scripts read it. */
function printNames(invocation: AdminInvocation, names: readonly string[]): void {
  if (asksForJson(invocation))
    return printRecords(
      invocation,
      { NAME: 'name' },
      names.map((name) => ({ name })),
    );
  for (const name of names) invocation.print(name);
}

/** `berth team join` */
export const joinTeam = adminCommand(({ administration, operands: [team = '', account = ''] }) =>
  administration.addMember(team, account),
);

/** `berth team leave` */
export const leaveTeam = adminCommand(({ administration, operands: [team = '', account = ''] }) =>
  administration.removeMember(team, account),
);

/** `berth team remove` */
export const removeTeam = adminCommand(({ administration, operands: [name = ''] }) => administration.deleteTeam(name));
