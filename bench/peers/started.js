/** Tells the bench the port of an HTTP server that listens, and ends with it. */
export function started(server) {
  process.send({ port: server.address().port });
  process.on('disconnect', () => process.exit(0));
}
