/** Of the Jest project `remote router`: server.ts has the rooms of its servers in another thread (router.ts). */
process.env.BLOOM_TEST_ROUTER = 'remote';
