# SPDX-License-Identifier: MIT
# os, shutil, tempfile, pathlib: files and folders.
import errno, os, pathlib, shutil, stat, tempfile
os.umask(18)
root = pathlib.Path(tempfile.mkdtemp())
(root / 'a/b').mkdir(parents=True)
(root / 'a/b/f').write_bytes(bytes(range(256)) * 100)
shutil.copytree(root / 'a', root / 'c')
os.link(root / 'a/b/f', root / 'hard')
os.symlink('a', root / 'soft')
shutil.copy2(root / 'hard', root / 'copy')
print(sorted((str(p.relative_to(root)) for p in root.rglob('*'))))
info = os.stat(root / 'hard')
print(info.st_size, info.st_nlink, stat.filemode(info.st_mode))
for what in (lambda: os.mkdir(root / 'a'), lambda: os.rmdir(root / 'a'),
             lambda: os.open(root / 'x', 0), lambda: os.listdir(root / 'hard'),
             lambda: os.readlink(root / 'hard'),
             lambda: os.rename(root / 'a', root / 'a/b/x'), lambda: os.read(99, 1)):
    try:
        what()
    except OSError as error:
        print(errno.errorcode[error.errno], type(error).__name__)
with open(root / 't', 'w+') as file:
    file.write('text\n' * 3)
    file.flush()
    os.fsync(file.fileno())
    file.seek(5)
    print(file.read(4))
    file.truncate(2)
    print(os.fstat(file.fileno()).st_size)
os.utime(root / 't', ns=(10 ** 18, 10 ** 18 + 5))
print(os.stat(root / 't').st_mtime_ns)
fd = os.open(root, os.O_RDONLY)
print(sorted(os.listdir(fd)), os.access('t', os.R_OK, dir_fd=fd))
os.close(fd)
print(sorted((e.name for e in os.scandir(root) if e.is_dir())))
print(len(list(os.walk(root))))
with tempfile.TemporaryFile() as t:
    t.write(b'x' * 9)
    print(t.tell(), os.fstat(t.fileno()).st_nlink)
print(os.pread(os.open(root / 'hard', 0), 3, 254))
target, source = (os.open(root / 's', os.O_RDWR | os.O_CREAT, 0o644), os.open(root / 'hard', 0))
print(os.sendfile(target, source, 0, 25600), os.path.getsize(root / 's'))
with open(root / 'copy', 'rb') as a, open(root / 'out', 'wb') as b:
    shutil.copyfileobj(a, b)
print(os.path.samefile(root / 'soft', root / 'a'), shutil.disk_usage(root).total > 0)
shutil.rmtree(root)
print(root.exists())
