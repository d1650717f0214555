import { accessSync, constants } from 'node:fs';

/** What a name lookup under way is called among the resources of the event loop. */
const NAME_LOOKUP = 'GetAddrInfoReqWrap';

/**
 * Ends the process. Node waits for name lookups at its exit, since libuv cannot cancel them: with a name server that does
 * not answer, for 10 s or longer. So where a lookup may be under way, another program takes the place of this one. It keeps
 * the process id, and exits with the code.
 */
export function exitAtOnce(code: 0 | 1): never {
  process.emit('exit', code); // execve does not
  try {
    accessSync(process.execPath, constants.X_OK); // Node aborts where execve fails
    process.execve?.(process.execPath, [process.execPath, '--eval', `process.exitCode = ${code}`], {});
  } catch {} // node --permission
  process.exit(code); // Windows has no execve
}

/** Whether this thread waits for a name lookup. */
export function isLookingUp(): boolean {
  return process.getActiveResourcesInfo().includes(NAME_LOOKUP);
}
