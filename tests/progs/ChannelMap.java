// SPDX-License-Identifier: BSD-2-Clause
// Java can open a device but not map it; a real device is no different.
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

public class ChannelMap {
    interface Call {
        Object run() throws Exception;
    }

    static void say(String what, Call call) {
        String answer;
        try {
            answer = String.valueOf(call.run());
        } catch (Exception e) {
            answer = e.getClass().getSimpleName() + ": " + e.getMessage();
        }
        System.out.println(what + ": " + answer);
    }

    public static void main(String[] args) throws IOException {
        Path path = Path.of(args[0]);
        System.out.println("exists: " + Files.exists(path));
        System.out.println("regular: " + Files.isRegularFile(path));
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            say("size", () -> channel.size());
            say("map", () -> channel.map(FileChannel.MapMode.READ_WRITE, 0, 2 << 20));
            say("read", () -> channel.read(ByteBuffer.allocate(16)));
            say("write", () -> channel.write(ByteBuffer.allocate(16)));
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            say("map read-only", () -> channel.map(FileChannel.MapMode.READ_ONLY, 0, 2 << 20));
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            say("length", () -> file.length());
            say("setLength", () -> {
                file.setLength(4096);
                return "ok";
            });
        }
    }
}
