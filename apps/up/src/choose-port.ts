import { isPortFree, nextFreePort, SetupError } from '#embedded';

/** The port asked for by name, which must be free; else the usual one or the next that is. */
export const choosePort = async (
  asked: number | undefined,
  variable: string,
  usual: number,
  taken: Set<number>,
): Promise<number> => {
  if (asked !== undefined && !(await isPortFree(asked))) {
    throw new SetupError(`Port ${asked} (${variable}) is taken. Free it, or choose another.`);
  }
  const port = asked ?? (await nextFreePort(usual, taken));
  taken.add(port);
  return port;
};
