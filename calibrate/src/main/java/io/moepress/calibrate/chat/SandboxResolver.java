package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/// All that a template can reach behind a dot or in brackets: entries of maps, items of lists,
/// characters of texts, the variables of a loop, and the methods of [PythonMethods]. No property or
/// method of any Java class is ever looked up.
final class SandboxResolver extends ELResolver {

  @Override
  public @Nullable Object getValue(ELContext context, @Nullable Object base, Object property) {
    if (base == null) {
      return null;
    }
    Deadline.check();
    context.setPropertyResolved(true);
    String name = Objects.toString(property, "");
    return switch (base) {
      case Loop loop -> loop.property(name);
      case Map<?, ?> map -> map.get(name);
      case List<?> list -> {
        int index = index(name, list.size());
        yield index < 0 ? null : list.get(index);
      }
      case CharSequence text -> {
        int index = index(name, text.length());
        yield index < 0 ? null : text.subSequence(index, index + 1).toString();
      }
      default -> null;
    };
  }

  /// The index that a name is, counted from the end where it is negative; -1 when it is none.
  private static int index(String name, int size) {
    if (!name.matches("-?\\d{1,9}")) {
      return -1;
    }
    int index = Integer.parseInt(name);
    int fromStart = index < 0 ? index + size : index;
    return fromStart < size ? Math.max(-1, fromStart) : -1;
  }

  @Override
  @SuppressWarnings("unchecked")
  public @Nullable Object invoke(
      ELContext context,
      @Nullable Object base,
      Object method,
      Class<?> @Nullable [] types,
      Object @Nullable [] parameters) {
    Deadline.check();
    context.setPropertyResolved(true);
    Object[] arguments = parameters == null ? new Object[0] : parameters;
    return switch (base) {
      case Filter filter ->
          filter.filter(
              arguments[0],
              (JinjavaInterpreter) arguments[1],
              (Object[]) arguments[2],
              (Map<String, Object>) arguments[3]);
      case ExpTest test -> {
        Object[] rest = Arrays.copyOfRange(arguments, 2, arguments.length);
        JinjavaInterpreter interpreter = (JinjavaInterpreter) arguments[1];
        yield method.equals("evaluateNegated")
            ? test.evaluateNegated(arguments[0], interpreter, rest)
            : test.evaluate(arguments[0], interpreter, rest);
      }
      case null, default -> PythonMethods.call(base, method.toString(), Arrays.asList(arguments));
    };
  }

  @Override
  public @Nullable Class<?> getType(ELContext context, @Nullable Object base, Object property) {
    return null;
  }

  @Override
  public void setValue(ELContext context, @Nullable Object base, Object property, Object value) {
    throw new TemplateException("a template may not change its values");
  }

  @Override
  public boolean isReadOnly(ELContext context, @Nullable Object base, Object property) {
    return true;
  }

  @Override
  public Iterator<FeatureDescriptor> getFeatureDescriptors(
      ELContext context, @Nullable Object base) {
    return Collections.emptyIterator();
  }

  @Override
  public Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
    return Object.class;
  }
}
