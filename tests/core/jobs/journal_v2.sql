-- The journal as version 2 of its tables wrote it. Never change this file: later versions must be able to read it.
PRAGMA journal_mode = WAL;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL,
    source_size INTEGER, source_mtime_ns TEXT, source_device TEXT, source_file_id TEXT,
    connection_id TEXT NOT NULL, connection_name TEXT NOT NULL, endpoint TEXT NOT NULL, bucket TEXT NOT NULL,
    key TEXT NOT NULL, size INTEGER, options TEXT, plan TEXT, steps TEXT, result TEXT, error TEXT,
    created TEXT NOT NULL, updated TEXT NOT NULL, ended TEXT, position INTEGER NOT NULL, priority INTEGER NOT NULL,
    owner TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX jobs_by_age ON jobs (created);
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    bucket TEXT NOT NULL, key TEXT NOT NULL, endpoint TEXT NOT NULL, profile_id TEXT NOT NULL, upload_id TEXT NOT NULL,
    part_size INTEGER NOT NULL, size INTEGER NOT NULL, mark TEXT NOT NULL, layout TEXT NOT NULL,
    only_if_absent INTEGER NOT NULL CHECK (only_if_absent IN (0, 1)), algorithm TEXT NOT NULL,
    completing INTEGER NOT NULL CHECK (completing IN (0, 1)), begun TEXT NOT NULL, UNIQUE (job_id, key)
) STRICT;
CREATE TABLE parts (
    upload INTEGER NOT NULL REFERENCES uploads (id) ON DELETE CASCADE, number INTEGER NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE items (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL, bucket TEXT NOT NULL,
    key TEXT NOT NULL, target_bucket TEXT, target TEXT, size INTEGER NOT NULL, etag TEXT NOT NULL,
    version_id TEXT NOT NULL, action TEXT, stage TEXT NOT NULL, inverse TEXT, state TEXT, error TEXT,
    note TEXT NOT NULL, PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO jobs VALUES (
    'j1', 'publish', 'running', 'Lake at dawn', '/films/lake.mp4', 1000, '1790000000000000001', '18446744073709551615',
    '42', 'c-1', 'Studio', 'https://s3.example.org', 'studio', 'videos/lake.mp4', 1010,
    '{"title":"Lake"}', NULL, NULL, NULL, NULL, '2026-11-25T03:00:00.000001+00:00', '2026-11-25T03:00:01.000000+00:00',
    NULL, 2, 1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
);
INSERT INTO uploads VALUES (
    7, 'j1', 'studio', 'videos/lake.mp4', 'https://s3.example.org', 'p-1', 'upload-1', 505, 1010, 'm-1', 'digest', 1,
    'CRC32', 0, '2026-11-25T03:00:00.500000+00:00'
);
INSERT INTO jobs VALUES (
    'o1', 'operation', 'running', 'all below films/', '', NULL, NULL, NULL, NULL, 'c-1', 'Studio',
    'https://s3.example.org', 'studio', 'films/', 7, '{"action":{"kind":"move"},"mark":"m"}', NULL, NULL, NULL, NULL,
    '2026-11-25T04:00:00.000001+00:00', '2026-11-25T04:00:01.000000+00:00', NULL, 0, 0, ''
);
INSERT INTO items VALUES (
    'o1', 1, 'studio', 'films/a.mp4', 'studio', 'old/a.mp4', 7, 'etag-1', 'v-1', NULL, 'copied',
    '{"bucket":"studio","key":"old/a.mp4","size":7,"etag":"etag-2","version":"","action":{"kind":"delete"}}',
    '{"copy":["etag-2",7,""]}', NULL, 'proved by size and ETag'
);
INSERT INTO parts VALUES (7, 1, 505, 'etag-1', 'crc-1');
PRAGMA user_version = 2;
