import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hive.serde2.AbstractSerDe;
import org.apache.hadoop.hive.serde2.objectinspector.ListObjectInspector;
import org.apache.hadoop.hive.serde2.objectinspector.ObjectInspector;
import org.apache.hadoop.hive.serde2.objectinspector.PrimitiveObjectInspector;
import org.apache.hadoop.hive.serde2.objectinspector.StructField;
import org.apache.hadoop.hive.serde2.objectinspector.StructObjectInspector;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapred.FileInputFormat;
import org.apache.hadoop.mapred.InputSplit;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapred.RecordReader;
import org.apache.hadoop.mapred.Reporter;
import org.apache.hadoop.mapred.TextInputFormat;

/**
 * Reads a folder as a table: with Hadoop's TextInputFormat, and a SerDe.
 *
 * <p>Arguments: the SerDe's class, the folder, the names of the columns with commas between, their
 * types with colons between. Prints each row as a JSON object, with floating numbers as Java writes them.
 */
public final class ReadTable {
    private ReadTable() {}

    public static void main(String[] arguments) throws Exception {
        JobConf job = new JobConf();
        job.setBoolean("mapreduce.input.fileinputformat.input.dir.recursive", true);
        FileInputFormat.setInputPaths(job, new Path(arguments[1]));
        Properties table = new Properties();
        table.setProperty("columns", arguments[2]);
        table.setProperty("columns.types", arguments[3]);
        AbstractSerDe serde =
                (AbstractSerDe) Class.forName(arguments[0]).getDeclaredConstructor().newInstance();
        serde.initialize(job, table);
        TextInputFormat format = new TextInputFormat();
        format.configure(job);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (InputSplit split : format.getSplits(job, 1)) {
            try (RecordReader<LongWritable, Text> lines =
                    format.getRecordReader(split, job, Reporter.NULL)) {
                LongWritable place = lines.createKey();
                Text line = lines.createValue();
                while (lines.next(place, line)) {
                    StringBuilder row = new StringBuilder();
                    write(serde.deserialize(line), serde.getObjectInspector(), row);
                    out.println(row);
                }
            }
        }
        out.flush();
    }

    private static void write(Object value, ObjectInspector type, StringBuilder text) {
        if (value == null) {
            text.append("null");
            return;
        }
        switch (type.getCategory()) {
            case PRIMITIVE -> writePrimitive(value, (PrimitiveObjectInspector) type, text);
            case LIST -> writeList(value, (ListObjectInspector) type, text);
            case STRUCT -> writeStruct(value, (StructObjectInspector) type, text);
            default -> throw new IllegalArgumentException(type.getTypeName());
        }
    }

    private static void writePrimitive(
            Object value, PrimitiveObjectInspector type, StringBuilder text) {
        Object read = type.getPrimitiveJavaObject(value);
        if (read instanceof String string) {
            quote(string, text);
        } else {
            text.append(read);
        }
    }

    private static void writeList(Object value, ListObjectInspector type, StringBuilder text) {
        text.append('[');
        for (int index = 0; index < type.getListLength(value); index++) {
            text.append(index > 0 ? "," : "");
            write(type.getListElement(value, index), type.getListElementObjectInspector(), text);
        }
        text.append(']');
    }

    private static void writeStruct(Object value, StructObjectInspector type, StringBuilder text) {
        text.append('{');
        String comma = "";
        for (StructField field : type.getAllStructFieldRefs()) {
            text.append(comma);
            quote(field.getFieldName(), text);
            text.append(':');
            write(type.getStructFieldData(value, field), field.getFieldObjectInspector(), text);
            comma = ",";
        }
        text.append('}');
    }

    private static void quote(String string, StringBuilder text) {
        text.append('"');
        for (char character : string.toCharArray()) {
            boolean plain = character >= ' ' && character <= '~';
            if (plain && character != '"' && character != '\\') {
                text.append(character);
            } else {
                text.append(String.format("\\u%04x", (int) character));
            }
        }
        text.append('"');
    }
}
