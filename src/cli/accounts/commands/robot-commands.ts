import type { CommandGroup } from '../../program/command.ts';
import { expires } from './token-commands.ts';
import { accountCommand } from './user-commands.ts';

/** `berth robot …` */
export const robot: CommandGroup = {
  name: 'robot',
  summary: 'manage robots, the accounts of programs',
  commands: [
    {
      name: 'add',
      summary: "create a robot and print its secret, such as: robot add ci 'team-a/*:pull,push'",
      arguments: [
        ['NAME', 'name of the robot'],
        ['[GRANT...]', 'PATTERN:ACTIONS that the robot may do; actions: pull, add, push, delete, admin'],
      ],
      options: [expires],
      printsData: true,
      load: async () => (await import('../robot.ts')).addRobot,
    },
    { name: 'list', summary: 'list the robots', printsData: true, load: async () => (await import('../robot.ts')).listRobots },
    {
      name: 'expiry',
      summary: 'change when a robot and its secret expire, such as: robot expiry ci --expires 90d',
      arguments: [['NAME', 'name of the robot']],
      options: [expires],
      load: async () => (await import('../robot.ts')).setExpiry,
    },
    accountCommand(
      'remove',
      'delete a robot with its secrets and grants',
      async () => (await import('../user.ts')).removeAccount,
    ),
  ],
};
