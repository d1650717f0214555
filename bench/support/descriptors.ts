/** Descriptors of a process besides its clients' sockets. */
const SPARE_DESCRIPTORS = 200;

/**
 * Ends this process unless a process may open so many sockets. Node raises its soft limit to the hard one by itself;
 * beyond that only the shell can help.
 */
export function checkDescriptors(sockets: number): void {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const limit = Number(report.userLimits?.open_files?.soft); // NaN: unlimited, or not known here
  const needed = sockets + SPARE_DESCRIPTORS;
  if (limit >= needed || Number.isNaN(limit)) return;
  console.error(
    `The server needs ${needed} file descriptors and may open ${limit}: ulimit -n ${needed}, or fewer connections.`,
  );
  process.exit(1);
}
