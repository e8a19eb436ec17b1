import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Writes what the JDK unpacks of a gzip file, over a stream that says it has bytes, as Trino's does. */
public class Unpack {
    public static void main(String[] arguments) throws IOException {
        try (InputStream file = Files.newInputStream(Path.of(arguments[0]));
                GZIPInputStream unpacked = new GZIPInputStream(new Endless(file), 65536)) {
            unpacked.transferTo(System.out);
        }
        System.out.flush();
    }

    private static class Endless extends BufferedInputStream {
        Endless(InputStream input) {
            super(input);
        }

        @Override
        public int available() throws IOException {
            return Math.max(1, super.available());
        }
    }
}
