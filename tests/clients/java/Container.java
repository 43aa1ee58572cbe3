import java.util.ArrayList;
import java.util.List;

class Container {
	public static void main(String[] arguments) throws Exception {
		List<String> words = new ArrayList<>(
			List.of("podman", "run", "--rm", "--network=none", "--label=@LABEL@", "@IMAGE@"));
		words.addAll(List.of("@COMMAND@".split(" ")));
		System.exit(new ProcessBuilder(words).inheritIO().start().waitFor());
	}
}
